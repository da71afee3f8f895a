import LensModels
import LensSupport

/// The checkpoints of a run: folders `step-N`, each whole or absent.
///
/// A checkpoint is written under a temporary name, flushed to the disk and renamed; a file of checksums, itself
/// checked, tells later whether every byte is as it was.
public struct CheckpointStore: Sendable {
    /// The folder that holds the checkpoints.
    public let path: String
    /// How many are kept.
    public let keep: Int

    private static let leftover = ".part"
    private static let stateName = "state.json"
    private static let checksumsName = "checksums"

    public init(path: String, keep: Int) {
        precondition(keep >= 1)
        self.path = path
        self.keep = keep
    }

    /// Updates after which there is a checkpoint, ascending; whole or not is not looked at.
    public static func steps(in path: String) -> [Int] {
        ((try? Folders.names(in: path)) ?? []).compactMap(step).sorted()
    }

    private static func step(_ name: String) -> Int? {
        guard name.hasPrefix("step-"), let step = Int(name.dropFirst(5)), step >= 1, name == "step-\(step)" else {
            return nil
        }
        return step
    }

    /// The folder of the checkpoint after `step` updates.
    public func folder(_ step: Int) -> String { "\(path)/step-\(step)" }

    /// Removes what a killed run left unfinished. Only under the lock of the output folder.
    public func removeLeftovers() throws(LensError) {
        for name in (try? Folders.names(in: path)) ?? [] where name.hasSuffix(Self.leftover) {
            try Folders.remove("\(path)/\(name)")
        }
    }

    // MARK: Saving

    /// Writes a checkpoint, then removes those past `keep`. Returns its folder.
    ///
    /// `.io` when the disk is full or fails: what was begun is removed, and older checkpoints stay as they were.
    @discardableResult
    public func save(_ state: CheckpointState, _ tensors: TrainingState) throws(LensError) -> String {
        try Folders.create(path)
        let final = folder(state.step)
        let temporary = final + Self.leftover
        try Folders.remove(temporary)
        do throws(LensError) {
            try Folders.create(temporary)
            try write(state, tensors, to: temporary)
            // One of the same step can only be a damaged one, passed over when the run was resumed.
            try discard(final)
            try Folders.rename(temporary, to: final)
        } catch {
            try? Folders.remove(temporary)
            throw LensError(error.kind, error.message + " " + remainder(before: state.step))
        }
        try prune(through: state.step)
        return final
    }

    private func remainder(before step: Int) -> String {
        guard let last = Self.steps(in: path).last(where: { $0 < step }) else {
            return "The checkpoint of step \(step) is not saved, and there is none before it."
        }
        return
            "The checkpoint of step \(step) is not saved; that of step \(last) is whole: make room, then "
            + "continue from it with --resume."
    }

    private func write(_ state: CheckpointState, _ tensors: TrainingState, to folder: String) throws(LensError) {
        for (name, store) in tensors.files { try TensorFile.write(store, path: "\(folder)/\(name)") }
        let file = try AtomicFile(path: "\(folder)/\(Self.stateName)")
        try file.write(state.encoded())
        try file.commit()
        var text = ""
        for name in tensors.files.map(\.name) + [Self.stateName] {
            let (checksum, byteCount) = try Checksum.file("\(folder)/\(name)")
            text += "\(checksum) \(byteCount) \(name)\n"
        }
        let sums = try AtomicFile(path: "\(folder)/\(Self.checksumsName)")
        try sums.write(text + Checksum.text(text) + "\n")
        try sums.commit()
    }

    private func prune(through step: Int) throws(LensError) {
        // Later ones are damaged ones that this run was resumed in front of: they do not count, and it will replace them.
        for old in Self.steps(in: path).filter({ $0 <= step }).dropLast(keep) { try discard(folder(old)) }
    }

    // Renamed first, so that a run killed here leaves a leftover and not half a checkpoint.
    private func discard(_ folder: String) throws(LensError) {
        guard Folders.exists(folder) else { return }
        let doomed = folder + ".old" + Self.leftover
        try Folders.remove(doomed)
        try Folders.rename(folder, to: doomed)
        try Folders.remove(doomed)
    }

    // MARK: Loading

    /// The newest checkpoint whose every byte is as it was written; nil when there is none at all.
    ///
    /// - Parameter warn: is told of each damaged one that is passed over.
    /// `.data` when there are checkpoints and all are damaged.
    public func newest(warn: (String) -> Void) throws(LensError) -> CheckpointState? {
        let steps = Self.steps(in: path)
        var lastProblem: LensError?
        for step in steps.reversed() {
            do throws(LensError) {
                let state = try verify(step)
                if let lastProblem { warn("\(lastProblem.message) The run continues from step \(step) instead.") }
                return state
            } catch {
                if let lastProblem { warn(lastProblem.message) }
                lastProblem = error
            }
        }
        guard let lastProblem else { return nil }
        throw .data(
            "No checkpoint in \(path) is whole; the last problem found: \(lastProblem.message) Restore one from "
                + "a copy, or start anew in another --output."
        )
    }

    /// Checks every byte of a checkpoint and reads its state. `.data` says which file is damaged.
    public func verify(_ step: Int) throws(LensError) -> CheckpointState {
        let folder = folder(step)
        let list = try checksums(folder)
        for entry in list {
            let path = "\(folder)/\(entry.name)"
            guard Folders.exists(path) else {
                throw .data("The checkpoint \(folder) is damaged: \(entry.name) is missing.")
            }
            let (checksum, byteCount) = try Checksum.file(path)
            guard byteCount == entry.byteCount else {
                throw .data(
                    "The checkpoint \(folder) is damaged: \(entry.name) has \(byteCount) bytes and had "
                        + "\(entry.byteCount)."
                )
            }
            guard checksum == entry.checksum else {
                throw .data(
                    "The checkpoint \(folder) is damaged: \(entry.name) does not have the checksum it was saved "
                        + "with.")
            }
        }
        let names = Set(list.map(\.name))
        guard names.isSuperset(of: TrainingState.fileNames + [Self.stateName]) else {
            throw .data("The checkpoint \(folder) is damaged: \(Self.checksumsName) does not list all of its files.")
        }
        let state = try CheckpointState(
            decoding: bytes("\(folder)/\(Self.stateName)"), path: "\(folder)/\(Self.stateName)")
        guard state.step == step else {
            throw .data("The checkpoint \(folder) says that it is of step \(state.step). Was the folder renamed?")
        }
        return state
    }

    private struct Entry {
        let checksum: String
        let byteCount: Int
        let name: String
    }

    private func checksums(_ folder: String) throws(LensError) -> [Entry] {
        let path = "\(folder)/\(Self.checksumsName)"
        guard Folders.exists(path) else {
            throw .data("The checkpoint \(folder) is damaged: \(Self.checksumsName) is missing.")
        }
        let damaged = LensError.data(
            "The checkpoint \(folder) is damaged: \(Self.checksumsName) is not as it was saved.")
        guard let text = String(validating: try bytes(path), as: UTF8.self) else { throw damaged }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count > 2, lines.popLast() == "", let own = lines.popLast() else { throw damaged }
        guard own == Checksum.text(lines.map { $0 + "\n" }.joined()) else { throw damaged }
        var entries: [Entry] = []
        for line in lines {
            let fields = line.split(separator: " ", maxSplits: 2)
            guard fields.count == 3, let byteCount = Int(fields[1]), !fields[2].contains("/") else { throw damaged }
            entries.append(Entry(checksum: String(fields[0]), byteCount: byteCount, name: String(fields[2])))
        }
        return entries
    }

    // State and checksums are short; a long file in their place is not read.
    private func bytes(_ path: String) throws(LensError) -> [UInt8] {
        let file = try MappedFile(path: path)
        guard file.count <= 1 << 20 else { throw .data("\(path) has \(file.count) bytes: it is not a checkpoint's.") }
        return unsafe Array(file.buffer)
    }

    /// Reads the tensors of a checkpoint that `verify` or `newest` found whole.
    public func load(_ step: Int, into tensors: TrainingState) throws(LensError) {
        for (name, store) in tensors.files { try TensorFile.read("\(folder(step))/\(name)", into: store) }
        tensors.step = step
    }
}
