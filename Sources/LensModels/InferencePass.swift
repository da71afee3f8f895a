import LensFormats
import LensKernels
import LensSupport

/// Losses of sequences under a model, nothing kept for gradients. Owns its memory; one sequence at a time, from one task
/// at a time.
public final class InferencePass {
    public let runtime: Runtime
    private let model: any ModelWeights
    private let weights: ModelParameters
    /// Called with the number of layers done after each one of a pass; what it throws ends the pass.
    public var afterLayer: ((Int) throws(LensError) -> Void)?
    /// The longest sequence that is taken.
    public let contextLength: Int
    private let layers: [DecoderLayer]
    private var scratch: KernelScratch
    private var buffers: Buffers?
    /// The longest sequence that `buffers` hold.
    private var capacity = 0

    /// - Parameter grows: take memory for the longest sequence that has come, not for `contextLength` tokens at once.
    /// `.machine` when there is no memory for `contextLength` tokens; `.data`, without `grows`, when they are more than the
    /// model's sliding window.
    public convenience init(
        _ model: LanguageModel, contextLength: Int, grows: Bool = false, on runtime: Runtime = .shared
    ) throws(LensError) {
        try self.init(weights: model, contextLength: contextLength, grows: grows, runtime: runtime)
    }

    /// A pass over a model in training, by the weights that it has when the pass is used.
    public convenience init(
        _ model: TrainableModel, contextLength: Int, grows: Bool = false, on runtime: Runtime = .shared
    ) throws(LensError) {
        try self.init(weights: model, contextLength: contextLength, grows: grows, runtime: runtime)
    }

    private init(weights model: any ModelWeights, contextLength: Int, grows: Bool, runtime: Runtime) throws(LensError) {
        guard contextLength > 0 else {
            throw .usage("A pass needs a context of at least 1 token, not \(contextLength).")
        }
        self.model = model
        self.runtime = runtime
        self.contextLength = contextLength
        weights = model.views
        // Where products round what they multiply, attention may.
        layers = weights.decoderLayers(
            model.configuration, attendsInBF16: model.store.layout.compute != .f32, on: runtime)
        scratch = KernelScratch(runtime)
        if grows { return }
        try model.configuration.checkWindow(contextLength: contextLength, model: "The model")
        try take(contextLength)
        try scratch.reserve()
    }

    private func take(_ capacity: Int) throws(LensError) {
        let byteCount = Self.plan(model.store.layout, contextLength: capacity).byteCount
        buffers = Buffers(
            model.store.layout, contextLength: capacity, weight: weights.head,
            arena: try Arena(byteCount: byteCount))
        scratch = Self.scratch(model.store.layout, contextLength: capacity, on: runtime)
        self.capacity = capacity
    }

    /// Buffers for at least `length` tokens, and some more: documents that grow little by little should not each take new
    /// ones. The old ones go first.
    private func grow(to length: Int) throws(LensError) {
        guard length > capacity else { return }
        (buffers, capacity) = (nil, 0)
        let free = SystemMemory.available
        for size in [min(contextLength, max(length + length / 4, 256)), length] {
            guard Self.plan(model.store.layout, contextLength: size).byteCount <= free else { continue }
            if (try? take(size)) != nil, (try? scratch.reserve()) != nil { return }
        }
        let needed = Self.plan(model.store.layout, contextLength: length).byteCount
        throw .machine(
            "A sequence of \(length) tokens takes \(describeByteCount(needed)) of memory under this model, and "
                + "\(describeByteCount(free)) are free: the longest that fits has "
                + "\(Self.longest(model.store.layout, limit: free)) tokens. Lower --context.")
    }

    private static func longest(_ layout: WeightLayout, limit: Int) -> Int {
        var (low, high) = (0, greatestCount)
        while high - low > 1 {
            let middle = (low + high) / 2
            if plan(layout, contextLength: middle).byteCount <= limit { low = middle } else { high = middle }
        }
        return low
    }

    private struct Buffers {
        let activations: LayerActivations
        let stream, activated: Matrix
        let head: LanguageModelHead
        var rotary: RotaryTable

        init(_ layout: WeightLayout, contextLength: Int, weight: Weights, arena: Arena) {
            let configuration = layout.configuration
            let block = min(contextLength, layout.compute == .f32 ? feedForwardBlock : quantizedFeedForwardBlock)
            stream = arena.take("residual stream", rows: contextLength, columns: configuration.hiddenSize)
            activations = LayerActivations(
                configuration, length: contextLength, feedForwardRows: block, arena: arena)
            activated = arena.take("activations", rows: block, columns: configuration.feedForwardSize)
            head = LanguageModelHead(configuration, weight: weight, length: contextLength, trains: false, arena: arena)
            rotary = RotaryTable(configuration, length: contextLength, arena: arena)
        }
    }

    /// The buffers of such a pass, without the weights.
    package static func plan(_ layout: WeightLayout, contextLength: Int) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = Buffers(layout, contextLength: contextLength, weight: layout.unbackedHead, arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// What kernels take for such a pass.
    package static func scratch(
        _ layout: WeightLayout, contextLength: Int, on runtime: Runtime
    ) -> KernelScratch {
        KernelScratch(layout, length: contextLength, trains: false, on: runtime)
    }

    /// The negative log-likelihood of each token after the first given all before it: `tokens.count - 1` values.
    ///
    /// `.data` when a token lies outside the vocabulary; `.usage` for more than `contextLength` tokens.
    public func losses(_ tokens: [Int32]) throws(LensError) -> [Float] { try losses(tokens, from: 0) }

    /// The same without the first `first` losses, whose logits are not computed.
    public func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        guard first >= 0 else { throw .usage("There is no prediction \(first).") }
        guard tokens.count > first + 1 else { return [] }
        let (hidden, buffers) = try hiddenStates(tokens)
        return try buffers.head.forward(hidden, tokens: tokens, from: first, on: runtime)
    }

    /// The logits of the token after each of the given positions: [vocabulary] each.
    public func logits(_ tokens: [Int32], at positions: [Int]) throws(LensError) -> [[Float]] {
        for position in positions where position < 0 || position >= tokens.count {
            throw .usage("There is no position \(position) in a sequence of \(tokens.count) tokens.")
        }
        let (hidden, buffers) = try hiddenStates(tokens)
        return try positions.map { (row) throws(LensError) in
            try buffers.head.logits(of: hidden.rows(row..<row + 1), on: runtime).array
        }
    }

    /// Final normed hidden states [T, hidden], in a buffer that the next call overwrites.
    private func hiddenStates(_ tokens: [Int32]) throws(LensError) -> (Matrix, Buffers) {
        guard tokens.count <= contextLength else {
            throw .usage("A sequence of \(tokens.count) tokens was given to a pass that takes \(contextLength).")
        }
        try model.check(tokens)
        let length = tokens.count
        try model.configuration.checkWindow(contextLength: length, model: "The model")
        try grow(to: length)
        guard var buffers else { preconditionFailure("buffers were taken") }
        buffers.rotary.prepare(length: length)
        self.buffers = buffers
        let rotary = buffers.rotary.prefix(length)
        let stream = buffers.stream.rows(0..<length)
        let a = buffers.activations.prefix(length, model.configuration)
        try runtime.embed(tokens, table: weights.embedding, into: stream)
        for (index, layer) in layers.enumerated() {
            try layer.forwardAttention(stream, a, rotary: rotary)
            try layer.forwardFeedForward(a, activated: buffers.activated, output: stream)
            try afterLayer?(index + 1)
        }
        try runtime.rmsNorm(
            stream, weight: weights.finalNorm, epsilon: model.configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        return (a.attentionInput, buffers)
    }
}
