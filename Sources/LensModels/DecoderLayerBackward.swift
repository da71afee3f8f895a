import LensFormats
import LensKernels
import LensSupport

/// Buffers for the gradients inside one layer, shared by all layers.
struct LayerGradients {
    /// Of a normed input [T, hidden]; where the activations are those that layers share, in the place of that input.
    let normed: Matrix
    /// Some rows of it.
    let normedRows: Matrix
    /// The attention's normed input, computed again; in the place of `attended`.
    let attentionInput: Matrix
    /// Of the attention output, queries, keys and values.
    let attended, query, key, value: Matrix
    /// Row sums that the attention's backward needs [heads, T].
    let delta: Matrix
    /// Of gate, up and their product, one block of tokens each.
    let gate, up, activated: Matrix

    init(_ configuration: ModelConfiguration, _ workspace: LayerWorkspace, activated: Matrix, arena: Arena) {
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        let length = workspace.normed.rows
        func take(_ rows: Int, _ columns: Int) -> Matrix { arena.take("layer gradients", rows: rows, columns: columns) }
        normed = workspace.normed
        normedRows = workspace.normedRows
        attentionInput = workspace.attentionInput
        attended = workspace.attendedGradient
        query = workspace.queryGradient
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
        normedRows = whole.normedRows.rows(0..<length)
        attentionInput = whole.attentionInput.rows(0..<length)
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
    /// `recomputesFeedForward`, gate and up projections are computed again block by block. What `a` shares with `scratch` is
    /// lost.
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
        try backwardAttention(part, stream, input, a, rotary, spans, gradient, scratch)
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
            let maps = [
                (projection: p.gate, outputGradient: gateGradient, gradient: gradient.gate),
                (projection: p.up, outputGradient: upGradient, gradient: gradient.up),
            ]
            for map in maps {
                try map.projection.backwardWeight(
                    outputGradient: map.outputGradient, input: input, gradient: map.gradient, blocks: batch.blocks,
                    on: runtime)
            }
            // The input's gradient may take its place.
            for (index, map) in maps.enumerated() {
                try map.projection.backwardInput(
                    outputGradient: map.outputGradient, inputGradient: scratch.normed.rows(batch.places),
                    accumulate: index > 0, on: runtime)
            }
        }
    }

    /// Leaves the gradient of the attention part's normed input in `scratch.normed`.
    private func backwardAttention(
        _ part: Part, _ stream: Matrix, _ input: Matrix, _ a: LayerActivations, _ rotary: RotaryTable,
        _ spans: RowSpans?,
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
        // Its place was taken: computing it again costs no product.
        try runtime.rmsNorm(
            input, weight: p.attentionNorm, epsilon: configuration.normEpsilon, into: scratch.attentionInput,
            rstd: a.attentionRstd)
        try p.key.backward(
            outputGradient: scratch.key, input: scratch.attentionInput, gradient: gradient.key,
            inputGradient: scratch.normed, on: runtime)
        try p.value.backward(
            outputGradient: scratch.value, input: scratch.attentionInput, gradient: gradient.value,
            inputGradient: scratch.normed, accumulate: true, on: runtime)
        try backwardQuery(part, gradient, scratch)
    }

    private func backwardQuery(
        _ part: Part, _ gradient: LayerParameters, _ scratch: LayerGradients
    ) throws(LensError) {
        let (query, tokens) = (parameters.query, part.tokens)
        try query.backwardBias(outputGradient: scratch.query, gradient: gradient.query, on: runtime)
        let inputGradient = tokens.isAll ? scratch.normed : part.scratch.normedRows
        if !tokens.isAll { inputGradient.copyRows(tokens.rows, of: scratch.normed) }
        tokens.gather([scratch.query, scratch.attentionInput])
        try query.backwardProducts(
            outputGradient: part.scratch.query, input: part.scratch.attentionInput, gradient: gradient.query,
            inputGradient: inputGradient, accumulate: true, blocks: tokens.blocks, on: runtime)
        if !tokens.isAll { scratch.normed.replaceRows(tokens.rows, with: inputGradient) }
    }

    /// The second norm of what `a` holds, again.
    func normMiddle(_ a: LayerActivations) throws(LensError) {
        try runtime.rmsNorm(
            a.middle, weight: parameters.feedForwardNorm, epsilon: configuration.normEpsilon,
            into: a.feedForwardInput, rstd: a.feedForwardRstd)
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
