import LensFormats
import LensKernels
import LensSupport

/// Computes what follows the tokens of a cache: a prompt in chunks, then token by token. Owns its memory but for the caches;
/// for one task at a time.
///
/// A prompt's keys, values and logits have the bits of one pass over all of it, whatever its chunks and whatever part of it
/// the cache held before. Tokens that are decoded one by one attend by a kernel of their own, whose sums are in another
/// order; their bits do not depend on the number of threads either.
public final class GenerationPass {
    public let runtime: Runtime
    /// Most tokens that are computed together.
    public let chunkLength: Int
    /// Called with the number of layers done after each one; what it throws ends the work at hand, of which the cache then
    /// keeps nothing but whole chunks.
    public var afterLayer: ((Int) throws(LensError) -> Void)?
    package var layerCount: Int { layers.count }
    private let model: LanguageModel
    private let weights: ModelParameters
    private let layers: [DecoderLayer]
    private var buffers: Buffers
    private var rotary: RotaryTable?

    /// Tokens of a prompt that are computed together where nothing else is said.
    public static let defaultChunkLength = 512

    /// `.machine` when there is no memory, `.usage` for a chunk without tokens.
    ///
    /// - Parameter chunkLength: most tokens of a prompt that are computed together.
    public init(
        _ model: LanguageModel, chunkLength: Int = GenerationPass.defaultChunkLength, on runtime: Runtime = .shared
    ) throws(LensError) {
        guard chunkLength > 0 else { throw .usage("A chunk needs at least 1 token, not \(chunkLength).") }
        self.model = model
        self.runtime = runtime
        self.chunkLength = chunkLength
        let layout = model.store.layout
        weights = model.views
        layers = weights.decoderLayers(model.configuration, attendsInBF16: layout.compute != .f32, on: runtime)
        let (byteCount, free) = (Self.plan(layout, chunkLength: chunkLength).byteCount, SystemMemory.available)
        guard byteCount <= free else {
            throw .machine(
                "Chunks of \(chunkLength) tokens take \(describeByteCount(byteCount)) of memory under this model, and "
                    + "\(describeByteCount(free)) are free.")
        }
        buffers = Buffers(layout, rows: chunkLength, weight: weights.head, arena: try Arena(byteCount: byteCount))
        var scratch = KernelScratch(layout, length: chunkLength, trains: false, on: runtime)
        scratch.addDecoding(
            heads: model.configuration.headCount, keyValueHeads: model.configuration.keyValueHeadCount,
            size: model.configuration.headDimension)
        try scratch.reserve()
    }

    private struct Buffers {
        let stream: Matrix
        let activations: LayerActivations
        let head: LanguageModelHead

        init(_ layout: WeightLayout, rows: Int, weight: Weights, arena: Arena) {
            let configuration = layout.configuration
            let block = min(rows, layout.compute == .f32 ? feedForwardBlock : quantizedFeedForwardBlock)
            stream = arena.take("residual stream", rows: rows, columns: configuration.hiddenSize)
            activations = LayerActivations(configuration, stream: stream, feedForwardRows: block, arena: arena)
            head = LanguageModelHead(configuration, weight: weight, length: rows, trains: false, arena: arena)
        }
    }

    /// The buffers of such a pass, without weights and caches.
    package static func plan(_ layout: WeightLayout, chunkLength: Int) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = Buffers(layout, rows: chunkLength, weight: layout.unbackedHead, arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// Adds tokens to a cache, chunk by chunk, and gives the logits [vocabulary] of what follows the last one.
    ///
    /// `.data` when a token lies outside the vocabulary; `.usage` for no token, for more than the cache has room for, and for
    /// another model's cache. The cache then is as it was; where ``afterLayer`` throws, it has the chunks before.
    public func prefill(_ tokens: [Int32], into cache: KeyValueCache) throws(LensError) -> [Float] {
        var last: Matrix?
        try forEachChunk(of: tokens, into: cache) { (chunk, hidden) throws(LensError) in
            if chunk.endIndex == tokens.count { last = hidden.rows(hidden.rows - 1..<hidden.rows) }
        }
        guard let last else { throw .usage("There is no token to begin with.") }
        return try buffers.head.logits(of: last, on: runtime).array
    }

    /// Adds one token to a cache and gives the logits [vocabulary] of what follows it. Errors as ``prefill(_:into:)``.
    public func decode(_ token: Int32, into cache: KeyValueCache) throws(LensError) -> [Float] {
        try check([token], cache)
        let hidden = try hiddenStates([token], cache, decodes: true)
        return try buffers.head.logits(of: hidden, on: runtime).array
    }

    /// Adds tokens to a cache and gives the negative log-likelihood of each after the first, given all before it:
    /// `tokens.count - 1` values. Errors as ``prefill(_:into:)``.
    public func losses(_ tokens: [Int32], into cache: KeyValueCache) throws(LensError) -> [Float] {
        var losses: [Float] = []
        try forEachChunk(of: tokens, into: cache) { (chunk, hidden) throws(LensError) in
            let targets = tokens[(chunk.startIndex + 1)..<min(chunk.endIndex + 1, tokens.count)]
            guard !targets.isEmpty else { return }
            losses += try buffers.head.forward(
                hidden.rows(0..<targets.count), targets: Array(targets), on: runtime)
        }
        return losses
    }

    private func forEachChunk(
        of tokens: [Int32], into cache: KeyValueCache,
        _ body: (ArraySlice<Int32>, Matrix) throws(LensError) -> Void
    ) throws(LensError) {
        try check(tokens, cache)
        for start in stride(from: 0, to: tokens.count, by: chunkLength) {
            let chunk = tokens[start..<min(start + chunkLength, tokens.count)]
            try body(chunk, try hiddenStates(chunk, cache, decodes: false))
        }
    }

    private func check(_ tokens: [Int32], _ cache: KeyValueCache) throws(LensError) {
        try model.check(tokens)
        guard cache.configuration == model.configuration else { throw .usage("The cache is another model's.") }
        guard tokens.count <= cache.room else {
            throw .usage(
                "\(tokens.count) more tokens were given to a cache that holds \(cache.count) and has room for "
                    + "\(cache.capacity).")
        }
    }

    /// Final normed hidden states [tokens, hidden] of tokens that the cache is given, in a buffer that the next call
    /// overwrites.
    private func hiddenStates(
        _ tokens: ArraySlice<Int32>, _ cache: KeyValueCache, decodes: Bool
    ) throws(LensError) -> Matrix {
        let (start, length) = (cache.count, tokens.count)
        let rotary = try rotaryTable(for: cache).rows(start..<start + length)
        let stream = buffers.stream.rows(0..<length)
        let a = buffers.activations.prefix(length, model.configuration)
        try runtime.embed(Array(tokens), table: weights.embedding, into: stream)
        for (index, layer) in layers.enumerated() {
            let (new, all) = cache.rows(layer: index, next: length)
            try layer.forwardAttention(
                stream, a.storing(keys: new.keys, values: new.values), rotary: rotary,
                cached: CachedAttention(context: all, decodes: decodes))
            try layer.forwardFeedForward(a, activated: a.gate, output: stream)
            try afterLayer?(index + 1)
        }
        try runtime.rmsNorm(
            stream, weight: weights.finalNorm, epsilon: model.configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        cache.append(tokens)
        return a.attentionInput
    }

    /// Angles of all positions of a cache; those of the last one stay.
    private func rotaryTable(for cache: KeyValueCache) throws(LensError) -> RotaryTable {
        if let rotary, rotary.length >= cache.capacity, rotary.holds(cache.frequencies) { return rotary }
        let measuring = Arena.measuring()
        _ = RotaryTable(model.configuration, length: cache.capacity, arena: measuring)
        var table = RotaryTable(
            model.configuration, length: cache.capacity, arena: try Arena(byteCount: measuring.byteCount))
        table.fill(cache.frequencies)
        rotary = table
        return table
    }
}
