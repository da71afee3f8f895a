import LensSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a checkpoint says about its run beside the tensors: `state.json`.
///
/// There is no generator state: every random choice follows from the seed and the number of the update.
package struct CheckpointState: Codable, Equatable, Sendable {
    /// The layout of the folder. Format 1 had no checkpoints inside an update and recorded no changes; it is read too.
    package static let currentFormat = 2

    package var format = Self.currentFormat
    /// Updates done.
    package var step: Int
    /// Updates that the run was to make.
    package var steps: Int
    package var instructionSet: String
    /// The settings that the weights depend on, as a recipe would write them.
    package var settings: [String: String]
    /// Checksums of what the settings point to: the sequences, the model's configuration, the scorer.
    package var data: String
    package var model: String
    package var scorer: String
    /// What is done of the next update, whose gradients are then in the folder; nil between updates.
    package var partial: PartialUpdate?
    /// What resumed runs changed, one sentence each: nil for nothing.
    package var changes: [String]?

    package init(
        step: Int, steps: Int, instructionSet: String, settings: [String: String], data: String, model: String,
        scorer: String
    ) {
        self.step = step
        self.steps = steps
        self.instructionSet = instructionSet
        self.settings = settings
        self.data = data
        self.model = model
        self.scorer = scorer
    }

    func encoded() throws(LensError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        do { return Array(try encoder.encode(self)) } catch {
            throw .io("The state of a checkpoint cannot be written: \(error).")
        }
    }

    init(decoding bytes: [UInt8], path: String) throws(LensError) {
        do { self = try JSONDecoder().decode(Self.self, from: Data(bytes)) } catch {
            throw .data("\(path) is not the state of a checkpoint.")
        }
        guard (1...Self.currentFormat).contains(format) else {
            throw .data(
                "\(path) is of checkpoint format \(format), and this LongLens reads formats up to "
                    + "\(Self.currentFormat).")
        }
        guard position.isPossible else {
            let partial = partial.map { " and \($0.sequences) sequences" } ?? ""
            throw .data("\(path): step \(step)\(partial) is nothing that a run comes to. Was the file changed?")
        }
    }

    /// How far the run was.
    package var position: TrainingPosition { TrainingPosition(step: step, sequences: partial?.sequences ?? 0) }

    /// Throws `.usage` with every setting in which the run that continues (`self`) differs from the checkpoint's and must
    /// not, and returns those in which it may, a sentence each.
    func requireSameArithmetic(as saved: CheckpointState, path: String) throws(LensError) -> [String] {
        var differences: [String] = [], changes: [String] = []
        for key in Set(settings.keys).union(saved.settings.keys).sorted() where settings[key] != saved.settings[key] {
            let (before, now) = (saved.settings[key] ?? "not set", settings[key] ?? "not set")
            if SettingKey(rawValue: key)?.mayChangeOnResume == true {
                changes.append("\(key) was \(before) up to \(saved.position), and is \(now) from there on")
            } else {
                differences.append("\(key) was \(before), is \(now)")
            }
        }
        if model != saved.model { differences.append("model: its shape or its configuration is another") }
        if data != saved.data { differences.append("data: the sequences are others") }
        if scorer != saved.scorer { differences.append("scorer: it is another, or its contents are") }
        guard differences.isEmpty else {
            throw .usage(
                "\(path) belongs to a run with other settings: \(differences.joined(separator: "; ")). "
                    + "Give the settings of that run, or start a new one in another --output.")
        }
        return changes
    }
}
