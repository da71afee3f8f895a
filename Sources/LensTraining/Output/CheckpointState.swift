import LensSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a checkpoint says about its run beside the tensors: `state.json`.
///
/// There is no generator state: every random choice follows from the seed and the number of the update.
public struct CheckpointState: Codable, Equatable, Sendable {
    /// The layout of the folder; another number is another layout.
    public static let currentFormat = 1

    public var format = Self.currentFormat
    /// Updates done.
    public var step: Int
    /// Updates that the run was to make.
    public var steps: Int
    public var instructionSet: String
    /// The settings that the weights depend on, as a recipe would write them.
    public var settings: [String: String]
    /// Checksums of what the settings point to: the sequences, the model's configuration, the scorer.
    public var data: String
    public var model: String
    public var scorer: String

    public init(
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
        guard format == Self.currentFormat else {
            throw .data(
                "\(path) is of checkpoint format \(format), and this LongLens reads format \(Self.currentFormat).")
        }
        guard step >= 1 else { throw .data("\(path): step \(step) is not the number of an update.") }
    }

    /// Throws `.usage` with every setting in which the run that continues (`self`) differs from the checkpoint's.
    func requireSameArithmetic(as saved: CheckpointState, path: String) throws(LensError) {
        var differences: [String] = []
        for key in Set(settings.keys).union(saved.settings.keys).sorted() where settings[key] != saved.settings[key] {
            differences.append("\(key) was \(saved.settings[key] ?? "not set"), is \(settings[key] ?? "not set")")
        }
        if model != saved.model { differences.append("model: its shape or its configuration is another") }
        if data != saved.data { differences.append("data: the sequences are others") }
        if scorer != saved.scorer { differences.append("scorer: it is another, or its contents are") }
        guard differences.isEmpty else {
            throw .usage(
                "\(path) belongs to a run with other settings: \(differences.joined(separator: "; ")). "
                    + "Give the settings of that run, or start a new one in another --output.")
        }
    }
}
