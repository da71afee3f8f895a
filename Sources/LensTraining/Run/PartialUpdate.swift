import LensSupport

/// An update of which some sequences are done: what the gradients accumulated so far are of.
package struct PartialUpdate: Codable, Equatable, Sendable {
    /// Sequences done.
    package var sequences = 0
    /// Sums over them of what ``StepMetrics`` averages.
    var loss = 0.0, nll = 0.0, weightStandardDeviation = 0.0, weightNonzero = 0.0
    /// Time that they took.
    var seconds = 0.0
    /// The scorer's part of it; absent in checkpoints that were written before it was measured.
    var scorerSeconds: Double?

    package init() {}
}

/// Where a run is inside an update, for those who watch it.
public struct UpdateProgress: Equatable, Sendable {
    /// What is done with a sequence, in this order; `scoring` where short-context losses are computed.
    public enum Phase: String, Sendable { case forward, scoring, backward }

    /// The update, from 1.
    public var step: Int
    /// The sequence of the update, from 1.
    public var sequence: Int
    /// Sequences of an update.
    public var sequences: Int
    public var phase: Phase
    /// How much of the phase is done, from 0 to 1.
    public var fraction: Double
}

/// How far a run is: after so many updates, and so many sequences of the next one.
public struct TrainingPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var step: Int
    public var sequences: Int

    package init(step: Int, sequences: Int = 0) {
        self.step = step
        self.sequences = sequences
    }

    public static func < (a: Self, b: Self) -> Bool { (a.step, a.sequences) < (b.step, b.sequences) }

    /// `step 12`, or `step 12 and 3 sequences of step 13`.
    public var description: String {
        guard sequences > 0 else { return "step \(step)" }
        let more = "\(describeCount(sequences, "sequence")) of step \(step + 1)"
        return step > 0 ? "step \(step) and \(more)" : more
    }

    /// The name of a checkpoint's folder: `step-12`, or `step-12+3` inside an update.
    var folderName: String { sequences > 0 ? "step-\(step)+\(sequences)" : "step-\(step)" }

    init?(folderName: String) {
        guard folderName.hasPrefix("step-") else { return nil }
        let numbers = folderName.dropFirst(5).split(separator: "+", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = numbers.first, let step = first, numbers.count <= 2 else { return nil }
        guard let sequences = numbers.count == 2 ? numbers[1] : 0 else { return nil }
        self.init(step: step, sequences: sequences)
        guard isPossible, folderName == self.folderName else { return nil }
    }

    /// False for what no run comes to: nothing done, or numbers that settings cannot have.
    var isPossible: Bool {
        let counts = 0...greatestCount
        return counts.contains(step) && counts.contains(sequences) && step + sequences >= 1
    }
}
