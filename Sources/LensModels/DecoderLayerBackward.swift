import LensFormats
import LensKernels
import LensSupport

/// Buffers for the gradients inside one layer, shared by all layers.
struct LayerGradients {
    /// Of a normed input [T, hidden].
    let normed: Matrix
    /// Of the attention output, queries, keys and values.
    let attended, query, key, value: Matrix
    /// Row sums that the attention's backward needs [heads, T].
    let delta: Matrix
    /// Of gate, up and their product, one block of tokens each.
    let gate, up, activated: Matrix

    init(_ configuration: ModelConfiguration, length: Int, activated: Matrix, arena: Arena) {
        let queries = configuration.headCount * configuration.headDimension
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        func take(_ rows: Int, _ columns: Int) -> Matrix { arena.take("layer gradients", rows: rows, columns: columns) }
        normed = take(length, configuration.hiddenSize)
        attended = take(length, queries)
        query = take(length, queries)
        key = take(length, keys)
        value = take(length, keys)
        delta = take(configuration.headCount, length)
        gate = take(activated.rows, configuration.feedForwardSize)
        up = take(activated.rows, configuration.feedForwardSize)
        self.activated = activated
    }

    /// The same buffers for a shorter sequence.
    func prefix(_ length: Int) -> LayerGradients { LayerGradients(self, length: length) }

    private init(_ whole: LayerGradients, length: Int) {
        normed = whole.normed.rows(0..<length)
        attended = whole.attended.rows(0..<length)
        query = whole.query.rows(0..<length)
        key = whole.key.rows(0..<length)
        value = whole.value.rows(0..<length)
        delta = whole.delta.reshaped(rows: 1, columns: whole.delta.count).columns(0..<whole.delta.rows * length)
            .reshaped(rows: whole.delta.rows, columns: length)
        gate = whole.gate
        up = whole.up
        activated = whole.activated
    }
}

extension DecoderLayer {
    /// Turns `stream` [T, hidden], the gradient of the layer's output, into the gradient of its input, and adds the
    /// gradients of the parameters to `gradient`. `a` holds the forward's activations of `input`; when
    /// `recomputesFeedForward`, gate and up projections are computed again block by block.
    ///
    /// - Parameters:
    ///   - spans: the sequences that `input` holds; nil for one.
    ///   - tokens: those whose output gradient is not zero. The others cost nothing but as keys and values;
    ///     where there are any, what `a` holds is lost.
    func backward(
        stream: Matrix, input: Matrix, _ a: LayerActivations, rotary: RotaryTable, spans: RowSpans?,
        gradient: LayerParameters, scratch: LayerGradients, recomputesFeedForward: Bool, tokens: WeightedTokens
    ) throws(LensError) {
        let count = tokens.rows.count
        let part = Part(
            tokens: tokens, stream: stream.rows(0..<count), a: a.prefix(count, configuration),
            scratch: scratch.prefix(count))
        tokens.gather([stream, a.feedForwardInput] + (recomputesFeedForward ? [] : [a.gate, a.up]))
        try backwardFeedForward(part, gradient, recomputes: recomputesFeedForward)
        tokens.scatter([stream, scratch.normed])
        try runtime.rmsNormBackward(
            scratch.normed, x: a.middle, weight: parameters.feedForwardNorm, rstd: a.feedForwardRstd, into: stream,
            accumulate: true, weightGradient: gradient.feedForwardNorm)
        try backwardAttention(part, stream, a, rotary, spans, gradient, scratch)
        try runtime.rmsNormBackward(
            scratch.normed, x: input, weight: parameters.attentionNorm, rstd: a.attentionRstd, into: stream,
            accumulate: true, weightGradient: gradient.attentionNorm)
    }

    /// The first rows of the buffers: the weighted tokens' once they have been gathered.
    private struct Part {
        let tokens: WeightedTokens
        let stream: Matrix
        let a: LayerActivations
        let scratch: LayerGradients
    }

    /// Leaves the gradient of the feed-forward part's normed input in `part.scratch.normed`.
    private func backwardFeedForward(_ part: Part, _ gradient: LayerParameters, recomputes: Bool) throws(LensError) {
        let (p, a, scratch) = (parameters, part.a, part.scratch)
        for batch in part.tokens.batches(of: feedForwardBlock) {
            let rows = 0..<batch.places.count
            let input = a.feedForwardInput.rows(batch.places)
            let (gate, up) = gateAndUp(a, batch.places)
            if recomputes {
                try p.gate.forward(input, into: gate, on: runtime)
                try p.up.forward(input, into: up, on: runtime)
            }
            let activated = scratch.activated.rows(rows)
            let (gateGradient, upGradient) = (scratch.gate.rows(rows), scratch.up.rows(rows))
            try runtime.swiGLU(gate: gate, up: up, into: activated)
            // The product's gradient lands in `upGradient`, which swiGLUBackward may overwrite.
            try p.down.backwardProducts(
                outputGradient: part.stream.rows(batch.places), input: activated, gradient: gradient.down,
                inputGradient: upGradient, blocks: batch.blocks, on: runtime)
            try runtime.swiGLUBackward(
                upGradient, gate: gate, up: up, gateGradient: gateGradient, upGradient: upGradient)
            let inputGradient = scratch.normed.rows(batch.places)
            try p.gate.backwardProducts(
                outputGradient: gateGradient, input: input, gradient: gradient.gate, inputGradient: inputGradient,
                blocks: batch.blocks, on: runtime)
            try p.up.backwardProducts(
                outputGradient: upGradient, input: input, gradient: gradient.up, inputGradient: inputGradient,
                accumulate: true, blocks: batch.blocks, on: runtime)
        }
    }

    /// Leaves the gradient of the attention part's normed input in `scratch.normed`.
    private func backwardAttention(
        _ part: Part, _ stream: Matrix, _ a: LayerActivations, _ rotary: RotaryTable, _ spans: RowSpans?,
        _ gradient: LayerParameters, _ scratch: LayerGradients
    ) throws(LensError) {
        let (p, tokens) = (parameters, part.tokens)
        try p.attentionOutput.backwardBias(outputGradient: stream, gradient: gradient.attentionOutput, on: runtime)
        tokens.gather([stream])
        a.gatherQueries(tokens)
        try p.attentionOutput.backwardProducts(
            outputGradient: part.stream, input: part.a.attended, gradient: gradient.attentionOutput,
            inputGradient: part.scratch.attended, blocks: tokens.blocks, on: runtime)
        tokens.scatter([stream])
        try runtime.attentionBackward(
            query: part.a.query, key: a.key, value: a.value, output: part.a.attended, logSumExp: part.a.logSumExp,
            outputGradient: part.scratch.attended, heads: configuration.headCount,
            keyValueHeads: configuration.keyValueHeadCount, spans: spans, window: window,
            positions: tokens.isAll ? nil : tokens.rows,
            delta: part.scratch.delta, queryGradient: part.scratch.query, keyGradient: scratch.key,
            valueGradient: scratch.value)
        tokens.scatter([scratch.query])
        try runtime.rotateBackward(
            scratch.query, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.headCount)
        try runtime.rotateBackward(
            scratch.key, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.keyValueHeadCount)
        try normHeadsBackward(
            scratch.query, projected: a.projectedQuery, weight: p.queryNorm, rstd: a.queryRstd, gradient.queryNorm)
        try normHeadsBackward(
            scratch.key, projected: a.projectedKey, weight: p.keyNorm, rstd: a.keyRstd, gradient.keyNorm)
        try p.key.backward(
            outputGradient: scratch.key, input: a.attentionInput, gradient: gradient.key, inputGradient: scratch.normed,
            on: runtime)
        try p.value.backward(
            outputGradient: scratch.value, input: a.attentionInput, gradient: gradient.value,
            inputGradient: scratch.normed, accumulate: true, on: runtime)
        try backwardQuery(part, a, gradient, scratch)
    }

    private func backwardQuery(
        _ part: Part, _ a: LayerActivations, _ gradient: LayerParameters, _ scratch: LayerGradients
    ) throws(LensError) {
        let (query, tokens) = (parameters.query, part.tokens)
        try query.backwardBias(outputGradient: scratch.query, gradient: gradient.query, on: runtime)
        // The feed-forward part is done: its input may be overwritten.
        let inputGradient = tokens.isAll ? scratch.normed : part.a.feedForwardInput
        if !tokens.isAll { inputGradient.copyRows(tokens.rows, of: scratch.normed) }
        tokens.gather([scratch.query, a.attentionInput])
        try query.backwardProducts(
            outputGradient: part.scratch.query, input: part.a.attentionInput, gradient: gradient.query,
            inputGradient: inputGradient, accumulate: true, blocks: tokens.blocks, on: runtime)
        if !tokens.isAll { scratch.normed.replaceRows(tokens.rows, with: inputGradient) }
    }

    private func normHeadsBackward(
        _ outputGradient: Matrix, projected: Matrix, weight: Matrix?, rstd: Matrix?, _ weightGradient: Matrix?
    ) throws(LensError) {
        guard let weight, let rstd, let weightGradient else { return }
        try runtime.rmsNormBackward(
            heads(of: outputGradient), x: heads(of: projected), weight: weight, rstd: rstd,
            into: heads(of: outputGradient), weightGradient: weightGradient)
    }
}
