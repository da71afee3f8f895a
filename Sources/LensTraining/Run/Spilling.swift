import LensModels
import LensSupport

/// The disk that a run keeps the inputs of its layers on: the room is set aside and the speed measured before the first
/// update.
public struct Spilling: Sendable {
    /// The folder that was given.
    public let folder: String
    /// Bytes on the disk for as long as the run goes on.
    public let byteCount: Int
    /// Seconds that a sequence's inputs take to be written and read again, as measured: most of it passes beside the
    /// arithmetic.
    public let secondsPerSequence: Double
    package let file: SpillFile
    /// Bytes per second.
    package let speed: SpillFile.Speed

    /// Nil for a plan that needs no disk. Throws as ``SpillFile`` does.
    package init?(_ plan: TrainingPlan, folder: String?) throws(LensError) {
        guard let folder, plan.recompute.spills else { return nil }
        file = try SpillFile(folder: folder, byteCount: plan.spilledByteCount, for: Self.what)
        speed = try file.measureSpeed()
        self.folder = folder
        byteCount = plan.spilledByteCount
        secondsPerSequence = speed.seconds(byteCount)
    }

    /// What is spilled, for messages.
    static let what = "the inputs of the layers"

    /// Throws as ``SpillFile/check(folder:byteCount:for:)`` does for a plan that needs a disk; for one that needs none, when
    /// there is no such folder.
    package static func check(_ plan: TrainingPlan, folder: String) throws(LensError) {
        try SpillFile.check(folder: folder, byteCount: plan.spilledByteCount, for: what)
    }

    /// The speed of the folder's disk for a plan, by a small file; nil for a plan that needs no disk. Throws as
    /// ``SpillFile`` does.
    package static func speed(_ plan: TrainingPlan, folder: String?) throws(LensError) -> SpillFile.Speed? {
        guard let folder, plan.recompute.spills else { return nil }
        return try SpillFile(folder: folder, byteCount: min(plan.spilledByteCount, 256 << 20), for: what).measureSpeed()
    }

    /// What the user should know of the folder.
    var warning: String? {
        guard file.isInMemory else { return nil }
        return
            "The spill folder \(folder) is in memory (tmpfs), not on a disk: what is spilled there takes memory all the "
            + "same. Give --spill-folder a folder on a disk."
    }
}
