import LensFormats
import LensKernels
import LensSupport

/// Losses of sequences under a model, nothing kept for gradients. Owns its memory; for one task at a time.
///
/// Sequences may be computed together: short ones, whose products would not fill the machine, are rows of the same
/// products, and each sees itself alone. A loss has the same bits whatever is computed beside it.
public final class InferencePass {
    /// A sequence whose losses are wanted from prediction `first` on, where prediction i is of token i + 1.
    public struct Window: Sendable {
        public var tokens: [Int32]
        public var first: Int

        /// The losses of `tokens` from prediction `first` on, where prediction i is of token i + 1.
        public init(_ tokens: [Int32], from first: Int = 0) {
            self.tokens = tokens
            self.first = first
        }

        /// How many losses are wanted.
        public var lossCount: Int { max(0, tokens.count - 1 - first) }
    }

    public let runtime: Runtime
    private let model: any ModelWeights
    private let weights: ModelParameters
    /// Called with the number of layers done after each one of a pass; what it throws ends the pass.
    public var afterLayer: ((Int) throws(LensError) -> Void)?
    /// The longest sequence that is taken.
    public let contextLength: Int
    /// Most tokens that are computed together.
    public let batch: Int
    private let layers: [DecoderLayer]
    /// Layers of the model.
    package var layerCount: Int { layers.count }
    private var scratch: KernelScratch
    private var buffers: Buffers?
    /// The most tokens that `buffers` hold.
    private var capacity = 0

    /// - Parameters:
    ///   - contextLength: most tokens of a sequence.
    ///   - batch: most tokens of sequences that are computed together; a longer sequence is computed alone. Nil is for
    ///     one sequence at a time.
    ///   - grows: take memory for as many tokens as have come, not for the most at once.
    /// `.machine` when there is no memory for so many tokens.
    public convenience init(
        _ model: LanguageModel, contextLength: Int, batch: Int? = nil, grows: Bool = false,
        on runtime: Runtime = .shared
    ) throws(LensError) {
        try self.init(weights: model, contextLength: contextLength, batch: batch, grows: grows, runtime: runtime)
    }

    /// A pass over a model in training, by the weights that it has when the pass is used.
    public convenience init(
        _ model: TrainableModel, contextLength: Int, batch: Int? = nil, grows: Bool = false,
        on runtime: Runtime = .shared
    ) throws(LensError) {
        try self.init(weights: model, contextLength: contextLength, batch: batch, grows: grows, runtime: runtime)
    }

    private init(
        weights model: any ModelWeights, contextLength: Int, batch: Int?, grows: Bool, runtime: Runtime
    ) throws(LensError) {
        guard contextLength > 0 else {
            throw .usage("A pass needs a context of at least 1 token, not \(contextLength).")
        }
        self.model = model
        self.runtime = runtime
        self.contextLength = contextLength
        self.batch = max(batch ?? 0, contextLength)
        weights = model.views
        // Where products round what they multiply, attention may.
        layers = weights.decoderLayers(
            model.configuration, attendsInBF16: model.store.layout.compute != .f32, on: runtime)
        scratch = KernelScratch(runtime)
        if grows { return }
        try take(self.batch)
        try scratch.reserve()
    }

    private func take(_ capacity: Int) throws(LensError) {
        let layout = model.store.layout
        buffers = Buffers(
            layout, rows: capacity, contextLength: contextLength, weight: weights.head,
            arena: try Arena(byteCount: byteCount(capacity)))
        scratch = Self.scratch(layout, contextLength: capacity, on: runtime)
        self.capacity = capacity
    }

    /// Of the buffers for so many tokens.
    private func byteCount(_ capacity: Int) -> Int {
        Self.plan(model.store.layout, contextLength: min(contextLength, capacity), batch: capacity).byteCount
    }

    /// Buffers for at least `length` tokens, and some more: documents that grow little by little should not each take new
    /// ones. The old ones go first.
    private func grow(to length: Int) throws(LensError) {
        guard length > capacity else { return }
        (buffers, capacity) = (nil, 0)
        let free = SystemMemory.available
        for size in [min(batch, max(length + length / 4, 256)), length] {
            guard byteCount(size) <= free else { continue }
            if (try? take(size)) != nil, (try? scratch.reserve()) != nil { return }
        }
        throw .machine(
            "\(length) tokens at a time take \(describeByteCount(byteCount(length))) of memory under this model, and "
                + "\(describeByteCount(free)) are free: \(longest(limit: free)) tokens fit. Lower "
                + (batch > contextLength ? "--batch." : "--context."))
    }

    private func longest(limit: Int) -> Int {
        var (low, high) = (0, greatestCount)
        while high - low > 1 {
            let middle = (low + high) / 2
            if byteCount(middle) <= limit { low = middle } else { high = middle }
        }
        return low
    }

    private struct Buffers {
        let activations: LayerActivations
        let stream: Matrix
        let head: LanguageModelHead
        var rotary: RotaryTable

        init(_ layout: WeightLayout, rows: Int, contextLength: Int, weight: Weights, arena: Arena) {
            let configuration = layout.configuration
            let block = min(rows, layout.compute == .f32 ? feedForwardBlock : quantizedFeedForwardBlock)
            stream = arena.take("residual stream", rows: rows, columns: configuration.hiddenSize)
            activations = LayerActivations(configuration, stream: stream, feedForwardRows: block, arena: arena)
            head = LanguageModelHead(configuration, weight: weight, length: rows, trains: false, arena: arena)
            rotary = RotaryTable(configuration, length: min(rows, contextLength), arena: arena)
        }
    }

    /// The buffers of such a pass, without the weights.
    package static func plan(_ layout: WeightLayout, contextLength: Int, batch: Int? = nil) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = Buffers(
            layout, rows: max(batch ?? 0, contextLength), contextLength: contextLength, weight: layout.unbackedHead,
            arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// What kernels take for such a pass.
    package static func scratch(
        _ layout: WeightLayout, contextLength: Int, batch: Int? = nil, on runtime: Runtime
    ) -> KernelScratch {
        KernelScratch(layout, length: max(batch ?? 0, contextLength), trains: false, on: runtime)
    }

    /// The negative log-likelihood of each token after the first given all before it: `tokens.count - 1` values.
    ///
    /// `.data` when a token lies outside the vocabulary; `.usage` for more than `contextLength` tokens.
    public func losses(_ tokens: [Int32]) throws(LensError) -> [Float] { try losses(tokens, from: 0) }

    /// The same without the first `first` losses, whose logits are not computed.
    public func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        try losses(of: [Window(tokens, from: first)])[0]
    }

    /// The losses of several sequences, computed together: of each what ``losses(_:from:)`` gives, to the bit.
    ///
    /// `.data` when a token lies outside the vocabulary; `.usage` for a sequence of more than `contextLength` tokens, and for
    /// more than `batch` tokens in all.
    public func losses(of windows: [Window]) throws(LensError) -> [[Float]] {
        var result = [[Float]](repeating: [], count: windows.count)
        for window in windows where window.first < 0 { throw .usage("There is no prediction \(window.first).") }
        for places in runs(of: windows) {
            let computed = places.map { windows[$0] }
            let (hidden, buffers) = try hiddenStates(computed.map(\.tokens))
            var start = 0, rows: [Int] = [], targets: [Int32] = []
            for window in computed {
                rows += start + window.first..<start + window.tokens.count - 1
                targets += window.tokens[(window.first + 1)...]
                start += window.tokens.count
            }
            var losses = try buffers.head.forward(hidden.gatherRows(rows), targets: targets, on: runtime)[...]
            for place in places {
                result[place] = Array(losses.prefix(windows[place].lossCount))
                losses = losses.dropFirst(windows[place].lossCount)
            }
        }
        return result
    }

    /// The windows of which losses are wanted, by their places, cut where rotary frequencies change: some depend on the
    /// length of the sequence.
    private func runs(of windows: [Window]) -> [[Int]] {
        var runs: [[Int]] = []
        var frequencies: RotaryFrequencies?
        for (place, window) in windows.enumerated() where window.lossCount > 0 {
            let own = RotaryFrequencies(model.configuration, length: window.tokens.count)
            if own != frequencies { runs.append([]) }
            frequencies = own
            runs[runs.count - 1].append(place)
        }
        return runs
    }

    /// The logits of the token after each of the given positions: [vocabulary] each.
    public func logits(_ tokens: [Int32], at positions: [Int]) throws(LensError) -> [[Float]] {
        for position in positions where position < 0 || position >= tokens.count {
            throw .usage("There is no position \(position) in a sequence of \(tokens.count) tokens.")
        }
        let (hidden, buffers) = try hiddenStates([tokens])
        return try positions.map { (row) throws(LensError) in
            try buffers.head.logits(of: hidden.rows(row..<row + 1), on: runtime).array
        }
    }

    /// Final normed hidden states [T, hidden] of sequences of the same rotary frequencies, one after the other, in a buffer
    /// that the next call overwrites.
    private func hiddenStates(_ sequences: [[Int32]]) throws(LensError) -> (Matrix, Buffers) {
        let spans = RowSpans(lengths: sequences.map(\.count)), length = spans.rows
        guard spans.longest <= contextLength else {
            throw .usage("A sequence of \(spans.longest) tokens was given to a pass that takes \(contextLength).")
        }
        guard length <= batch else {
            throw .usage("\(length) tokens at a time were given to a pass that takes \(batch).")
        }
        for tokens in sequences { try model.check(tokens) }
        try grow(to: length)
        guard var buffers else { preconditionFailure("buffers were taken") }
        buffers.rotary.prepare(length: spans.longest, spans: spans)
        self.buffers = buffers
        let stream = buffers.stream.rows(0..<length)
        let a = buffers.activations.prefix(length, model.configuration)
        try runtime.embed(Array(sequences.joined()), table: weights.embedding, into: stream)
        for (index, layer) in layers.enumerated() {
            try layer.forwardAttention(stream, a, rotary: buffers.rotary, spans: spans)
            try layer.forwardFeedForward(a, activated: a.gate, output: stream)
            try afterLayer?(index + 1)
        }
        try runtime.rmsNorm(
            stream, weight: weights.finalNorm, epsilon: model.configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        return (a.attentionInput, buffers)
    }
}
