import LensData
import LensFormats
import LensKernels
import LensModels
import LensSupport

/// A model that stays as it is scores, window by window: the paper's frozen variant, and what `longlens score` does.
public final class ModelScorer: Scorer {
    public let model: LanguageModel
    private let context: Int
    private let stride: Int?
    private let pass: InferencePass
    private let bosToken: Int32?

    /// - Parameters:
    ///   - model: of the same tokens as the documents.
    ///   - context: most tokens of a window, at least 2.
    ///   - stride: from one window's beginning to the next one's; nil for that of ``WindowPlan``.
    ///   - bosToken: begins every window of a document that begins with it; nil takes the model's.
    ///   - length: tokens of the longest sequence, to take the memory for it at once; nil takes it as documents come.
    /// - Throws: `.usage` for a context or stride that cannot be, `.data` for a context past the model's sliding window,
    ///   `.machine` when there is no memory for a window.
    public init(
        _ model: LanguageModel, context: Int, stride: Int? = nil, bosToken: Int32? = nil, length: Int? = nil,
        on runtime: Runtime = .shared
    ) throws(LensError) {
        self.model = model
        self.context = context
        self.stride = stride
        self.bosToken = bosToken ?? model.configuration.bosToken
        _ = try WindowPlan(length: 1, context: context, stride: stride)
        let longest = length ?? greatestCount
        pass = try InferencePass(
            model, contextLength: min(context, longest), batch: WindowPlan.batch(context: context, length: longest),
            grows: length == nil, on: runtime)
    }

    /// The losses (nats) of tokens 1, 2, … of a document of any length, each under at most `context` tokens.
    ///
    /// `.data` for a token outside the model's vocabulary and for a loss that is not finite; `.machine` when there is no
    /// memory for a window.
    ///
    /// - Parameter progress: told after each layer what share of the work is done.
    public func losses(
        of tokens: [Int32], progress: (Double) -> Void = { _ in }
    ) throws(LensError) -> [Float] {
        try losses(of: TokenSequence(document: "given", index: 0, tokens: tokens), long: [], progress: progress)
    }

    public func losses(
        of sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        guard sequence.tokens.count > 1 else { return [] }
        return try pass.windowedLosses(
            sequence, context: context, stride: stride, bosToken: bosToken, progress: progress)
    }

    public private(set) lazy var fingerprint = "model \(model.fingerprint)"
    public var memory: ScorerMemory { .model(model.store.layout, contextLength: context) }
}
