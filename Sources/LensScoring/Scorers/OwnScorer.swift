import LensData
import LensFormats
import LensKernels
import LensModels
import LensSupport

/// The trained model scores itself with its current weights: the paper's unfrozen variant.
public final class OwnScorer: Scorer {
    private let context: Int
    private let stride: Int?
    private let pass: InferencePass
    private let bosToken: Int32?

    /// - Parameters:
    ///   - context: most tokens of a window, at least 2.
    ///   - stride: from one window's beginning to the next one's; nil for that of ``WindowPlan``.
    ///   - bosToken: begins every window of a sequence that begins with it; nil takes the model's.
    ///   - length: tokens of the longest sequence, to take the memory for it at once; nil takes it as sequences come.
    /// - Throws: `.usage` for a context or stride that cannot be, `.machine` when there is no memory for a window.
    public init(
        _ model: TrainableModel, context: Int, stride: Int? = nil, bosToken: Int32? = nil, length: Int? = nil,
        on runtime: Runtime = .shared
    ) throws(LensError) {
        _ = try WindowPlan(length: 1, context: context, stride: stride)
        let longest = length ?? greatestCount
        self.context = context
        self.stride = stride
        self.bosToken = bosToken ?? model.configuration.bosToken
        pass = try InferencePass(
            model, contextLength: min(context, longest), batch: WindowPlan.batch(context: context, length: longest),
            grows: length == nil, on: runtime)
    }

    public func losses(
        of sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        let tokens = sequence.tokens
        guard long.count == tokens.count - 1 else {
            throw .usage("\(long.count) long losses were given for \(tokens.count) tokens.")
        }
        // The tokens of a document's window 0 have the same context either way: their losses are the long ones. (The released
        // code takes one token more.)
        return try pass.windowedLosses(
            sequence, context: context, stride: stride, bosToken: bosToken, longOfFirstWindows: long, progress: progress
        )
    }

    public var fingerprint: String { "self" }
    public var memory: ScorerMemory { .own(contextLength: context) }
}
