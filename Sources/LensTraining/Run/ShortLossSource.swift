import LensData
import LensModels
import LensScoring
import LensSupport

/// Where the losses under the short context come from.
public protocol ShortLossSource: AnyObject {
    /// One loss for each of `long`, the losses of the same predictions under the whole context and the current weights.
    ///
    /// - Parameter progress: told what share of the work is done, where it takes time.
    func losses(
        _ sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float]
    /// Tells one source from another: two of the same fingerprint give the same losses.
    var fingerprint: String { get }
}

/// The trained model scores itself with its current weights: the paper's unfrozen variant.
public final class SelfScorer: ShortLossSource {
    private let plan: WindowPlan
    private let pass: InferencePass
    private let bosToken: Int32?

    /// `.machine` when there is no memory for a window.
    public init(_ model: LanguageModel, plan: WindowPlan, bosToken: Int32?) throws(LensError) {
        self.plan = plan
        self.bosToken = bosToken
        pass = try InferencePass(model, contextLength: min(plan.context, plan.length))
    }

    public func losses(
        _ sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        // Window 0 is taken from the long losses.
        var windows = 1
        return try shortLosses(
            selfScoring: long, tokens: sequence.tokens, plan: plan, scorer: pass, bosToken: bosToken
        ) {
            windows += 1
            progress(Double(windows) / Double(plan.count))
        }
    }

    public var fingerprint: String { "self" }
}

/// Another model scores, and stays as it is: the paper's frozen variant without a file in between.
public final class FrozenScorer: ShortLossSource {
    private let plan: WindowPlan
    private let pass: InferencePass
    private let bosToken: Int32?
    public let fingerprint: String

    /// `.machine` when there is no memory for a window.
    public init(_ model: LanguageModel, plan: WindowPlan, bosToken: Int32?) throws(LensError) {
        self.plan = plan
        self.bosToken = bosToken
        pass = try InferencePass(model, contextLength: min(plan.context, plan.length))
        fingerprint = "model \(model.fingerprint)"
    }

    public func losses(
        _ sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        var windows = 0
        return try windowedLosses(sequence.tokens, plan: plan, scorer: pass, bosToken: bosToken) { _ in
            windows += 1
            progress(Double(windows) / Double(plan.count))
        }
    }
}

/// Losses that a score file holds; the file that was opened stays open, and what is read of it later is checked.
public final class FileScorer: ShortLossSource {
    private let file: ScoreFile
    public let fingerprint: String

    /// `.data` unless the file has every one of the sequences.
    public init(path: String, sequences: TrainingSequences) throws(LensError) {
        file = try ScoreFile(path: path)
        try file.check(sequences)
        var sum = Checksum()
        try file.forEachBlock { block in unsafe block.withUnsafeBytes { unsafe sum.update($0) } }
        fingerprint = "file \(sum.hexadecimal)"
    }

    public func losses(
        _ sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        try file.losses(for: sequence)
    }
}
