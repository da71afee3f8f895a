import LensFormats
import LensKernels
import LensSupport

/// Losses of sequences under a model, nothing kept for gradients. Owns its memory; one sequence at a time.
public final class InferencePass {
    public let model: LanguageModel
    /// Called with the number of layers done after each one of a pass; what it throws ends the pass.
    public var afterLayer: ((Int) throws(LensError) -> Void)?
    /// The longest sequence that is taken.
    public let contextLength: Int
    private let layers: [DecoderLayer]
    private var scratch = KernelScratch()
    private var buffers: Buffers?
    /// The longest sequence that `buffers` hold.
    private var capacity = 0

    /// - Parameter grows: take memory for the longest sequence that has come, not for `contextLength` tokens at once.
    /// `.machine` when there is no memory for `contextLength` tokens; `.data`, without `grows`, when they are more than the
    /// model's sliding window.
    public init(_ model: LanguageModel, contextLength: Int, grows: Bool = false) throws(LensError) {
        precondition(contextLength > 0)
        self.model = model
        self.contextLength = contextLength
        layers = model.layers
        if grows { return }
        try model.configuration.checkWindow(contextLength: contextLength, model: "The model")
        try take(contextLength)
        try scratch.reserve()
    }

    private func take(_ capacity: Int) throws(LensError) {
        let byteCount = Self.plan(model.configuration, contextLength: capacity).byteCount
        buffers = Buffers(
            model.configuration, contextLength: capacity, weight: model.views.head,
            arena: try Arena(byteCount: byteCount))
        scratch = Self.scratch(model.configuration, contextLength: capacity)
        self.capacity = capacity
    }

    /// Buffers for at least `length` tokens, and some more: documents that grow little by little should not each take new
    /// ones. The old ones go first.
    private func grow(to length: Int) throws(LensError) {
        guard length > capacity else { return }
        (buffers, capacity) = (nil, 0)
        let free = SystemMemory.available
        for size in [min(contextLength, max(length + length / 4, 256)), length] {
            guard Self.plan(model.configuration, contextLength: size).byteCount <= free else { continue }
            if (try? take(size)) != nil { return }
        }
        let needed = Self.plan(model.configuration, contextLength: length).byteCount
        throw .machine(
            "A sequence of \(length) tokens takes \(describeByteCount(needed)) of memory under this model, and "
                + "\(describeByteCount(free)) are free: the longest that fits has "
                + "\(Self.longest(model.configuration, limit: free)) tokens. Lower --context.")
    }

    private static func longest(_ configuration: ModelConfiguration, limit: Int) -> Int {
        var (low, high) = (0, greatestCount)
        while high - low > 1 {
            let middle = (low + high) / 2
            if plan(configuration, contextLength: middle).byteCount <= limit { low = middle } else { high = middle }
        }
        return low
    }

    private struct Buffers {
        let activations: LayerActivations
        let stream, activated: Matrix
        let head: LanguageModelHead
        var rotary: RotaryTable

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

    /// What kernels take for such a pass.
    public static func scratch(_ configuration: ModelConfiguration, contextLength: Int) -> KernelScratch {
        KernelScratch(configuration, length: contextLength, trains: false)
    }

    /// The negative log-likelihood of each token after the first given all before it: `tokens.count - 1` values.
    ///
    /// `.data` when a token lies outside the vocabulary. At most `contextLength` tokens.
    public func losses(_ tokens: [Int32]) throws(LensError) -> [Float] { try losses(tokens, from: 0) }

    /// The same without the first `first` losses, whose logits are not computed.
    public func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        guard tokens.count > first + 1 else { return [] }
        let (hidden, buffers) = try hiddenStates(tokens)
        return buffers.head.forward(hidden, tokens: tokens, from: first)
    }

    /// The logits of the token after each of the given positions: [vocabulary] each.
    public func logits(_ tokens: [Int32], at positions: [Int]) throws(LensError) -> [[Float]] {
        let (hidden, buffers) = try hiddenStates(tokens)
        return positions.map { buffers.head.logits(of: hidden.rows($0..<$0 + 1)).array }
    }

    /// Final normed hidden states [T, hidden], in a buffer that the next call overwrites.
    private func hiddenStates(_ tokens: [Int32]) throws(LensError) -> (Matrix, Buffers) {
        precondition(tokens.count <= contextLength, "sequence longer than the pass")
        try model.check(tokens)
        let length = tokens.count
        try model.configuration.checkWindow(contextLength: length, model: "The model")
        try grow(to: length)
        try scratch.reserve()  // another thread than before may be calling
        guard var buffers else { preconditionFailure("buffers were taken") }
        buffers.rotary.prepare(length: length)
        self.buffers = buffers
        let rotary = buffers.rotary.prefix(length)
        let stream = buffers.stream.rows(0..<length)
        let a = buffers.activations.prefix(length, model.configuration)
        embed(tokens, table: model.views.embedding, into: stream)
        for (index, layer) in layers.enumerated() {
            layer.forwardAttention(stream, a, rotary: rotary)
            layer.forwardFeedForward(a, activated: buffers.activated, output: stream)
            try afterLayer?(index + 1)
        }
        rmsNorm(
            stream, weight: model.views.finalNorm, epsilon: model.configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        return (a.attentionInput, buffers)
    }
}
