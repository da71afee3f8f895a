import LensFormats
import LensKernels
import LensSupport

/// Losses of sequences under a model, nothing kept for gradients. Owns its memory; one sequence at a time.
public final class InferencePass {
    public let model: LanguageModel
    /// Called with the number of layers done after each one of a pass; what it throws ends the pass.
    public var afterLayer: ((Int) throws(LensError) -> Void)?
    /// The longest sequence that fits.
    public let contextLength: Int
    private let layers: [DecoderLayer]
    private let activations: LayerActivations
    private let stream: Matrix
    private let activated: Matrix
    private let head: LanguageModelHead
    private var rotary: RotaryTable

    /// `.machine` when there is no memory for `contextLength` tokens, `.data` when they are more than the model's sliding
    /// window.
    public convenience init(_ model: LanguageModel, contextLength: Int) throws(LensError) {
        try model.configuration.checkWindow(contextLength: contextLength, model: "The model")
        let arena = try Arena(byteCount: Self.plan(model.configuration, contextLength: contextLength).byteCount)
        self.init(model, contextLength: contextLength, arena: arena)
    }

    private init(_ model: LanguageModel, contextLength: Int, arena: Arena) {
        precondition(contextLength > 0)
        self.model = model
        self.contextLength = contextLength
        layers = model.layers
        let buffers = Buffers(model.configuration, contextLength: contextLength, weight: model.views.head, arena: arena)
        activations = buffers.activations
        stream = buffers.stream
        activated = buffers.activated
        head = buffers.head
        rotary = buffers.rotary
    }

    private struct Buffers {
        let activations: LayerActivations
        let stream, activated: Matrix
        let head: LanguageModelHead
        let rotary: RotaryTable

        init(_ configuration: ModelConfiguration, contextLength: Int, weight: Matrix, arena: Arena) {
            let block = min(contextLength, feedForwardBlock)
            stream = arena.take("residual stream", rows: contextLength, columns: configuration.hiddenSize)
            activations = LayerActivations(
                configuration, length: contextLength, feedForwardRows: block, arena: arena)
            activated = arena.take("activations", rows: block, columns: configuration.feedForwardSize)
            head = LanguageModelHead(configuration, weight: weight, length: contextLength, trains: false, arena: arena)
            rotary = RotaryTable(configuration, length: contextLength, arena: arena)
        }
    }

    /// The buffers of such a pass, without the weights.
    public static func plan(_ configuration: ModelConfiguration, contextLength: Int) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = Buffers(
            configuration, contextLength: contextLength,
            weight: Matrix(unbackedRows: configuration.vocabularySize, columns: configuration.hiddenSize), arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// The negative log-likelihood of each token after the first given all before it: `tokens.count - 1` values.
    ///
    /// `.data` when a token lies outside the vocabulary. At most `contextLength` tokens.
    public func losses(_ tokens: [Int32]) throws(LensError) -> [Float] { try losses(tokens, from: 0) }

    /// The same without the first `first` losses, whose logits are not computed.
    public func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        guard tokens.count > first + 1 else { return [] }
        return head.forward(try hiddenStates(tokens), tokens: tokens, from: first)
    }

    /// The logits of the token after each of the given positions: [vocabulary] each.
    public func logits(_ tokens: [Int32], at positions: [Int]) throws(LensError) -> [[Float]] {
        let hidden = try hiddenStates(tokens)
        return positions.map { head.logits(of: hidden.rows($0..<$0 + 1)).array }
    }

    /// Final normed hidden states [T, hidden], in a buffer that the next call overwrites.
    private func hiddenStates(_ tokens: [Int32]) throws(LensError) -> Matrix {
        precondition(tokens.count <= contextLength, "sequence longer than the pass")
        try model.check(tokens)
        let length = tokens.count
        rotary.prepare(length: length)
        let rotary = rotary.prefix(length)
        let stream = stream.rows(0..<length)
        let a = activations.prefix(length, model.configuration)
        embed(tokens, table: model.views.embedding, into: stream)
        for (index, layer) in layers.enumerated() {
            layer.forwardAttention(stream, a, rotary: rotary)
            layer.forwardFeedForward(a, activated: activated, output: stream)
            try afterLayer?(index + 1)
        }
        rmsNorm(
            stream, weight: model.views.finalNorm, epsilon: model.configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        return a.attentionInput
    }
}
