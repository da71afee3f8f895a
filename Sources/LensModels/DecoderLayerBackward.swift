import LensFormats
import LensKernels

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
    /// - Parameter rows: the tokens, ascending, whose output gradient is not zero, nil for all. The others cost nothing
    ///   but as keys and values; what `a` holds is lost.
    func backward(
        stream: Matrix, input: Matrix, _ a: LayerActivations, rotary: RotaryTable, gradient: LayerParameters,
        scratch: LayerGradients, recomputesFeedForward: Bool, rows: [Int]? = nil
    ) {
        if let rows {
            stream.gatherRows(rows)
            a.gatherRows(rows, configuration, feedForward: !recomputesFeedForward)
        }
        let count = rows?.count ?? stream.rows
        let part = Part(
            rows: rows, stream: stream.rows(0..<count), a: a.prefix(count, configuration),
            scratch: scratch.prefix(count))
        backwardFeedForward(part.stream, part.a, gradient, part.scratch, recomputes: recomputesFeedForward)
        rmsNormBackward(
            part.scratch.normed, x: part.a.middle, weight: parameters.feedForwardNorm, rstd: part.a.feedForwardRstd,
            into: part.stream, accumulate: true, weightGradient: gradient.feedForwardNorm)
        backwardAttention(part, a, rotary, gradient, scratch)
        if let rows { stream.scatterRows(rows) }
        rmsNormBackward(
            scratch.normed, x: input, weight: parameters.attentionNorm, rstd: a.attentionRstd, into: stream,
            accumulate: true, weightGradient: gradient.attentionNorm)
    }

    /// The buffers of the tokens with an output gradient: all, or the first rows, where they have been gathered.
    private struct Part {
        let rows: [Int]?
        let stream: Matrix
        let a: LayerActivations
        let scratch: LayerGradients
    }

    /// Leaves the gradient of the feed-forward part's normed input in `scratch.normed`.
    private func backwardFeedForward(
        _ stream: Matrix, _ a: LayerActivations, _ gradient: LayerParameters, _ scratch: LayerGradients,
        recomputes: Bool
    ) {
        let p = parameters
        for block in feedForwardBlocks(of: stream.rows) {
            let rows = 0..<block.count
            let input = a.feedForwardInput.rows(block)
            let (gate, up) = gateAndUp(a, block)
            if recomputes {
                p.gate.forward(input, into: gate)
                p.up.forward(input, into: up)
            }
            let activated = scratch.activated.rows(rows)
            let (gateGradient, upGradient) = (scratch.gate.rows(rows), scratch.up.rows(rows))
            swiGLU(gate: gate, up: up, into: activated)
            // The product's gradient lands in `upGradient`, which swiGLUBackward may overwrite.
            p.down.backward(
                outputGradient: stream.rows(block), input: activated, gradient: gradient.down, inputGradient: upGradient
            )
            swiGLUBackward(upGradient, gate: gate, up: up, gateGradient: gateGradient, upGradient: upGradient)
            let inputGradient = scratch.normed.rows(block)
            p.gate.backward(
                outputGradient: gateGradient, input: input, gradient: gradient.gate, inputGradient: inputGradient)
            p.up.backward(
                outputGradient: upGradient, input: input, gradient: gradient.up, inputGradient: inputGradient,
                accumulate: true)
        }
    }

    /// Leaves the gradient of the attention part's normed input in `scratch.normed`.
    private func backwardAttention(
        _ part: Part, _ a: LayerActivations, _ rotary: RotaryTable, _ gradient: LayerParameters,
        _ scratch: LayerGradients
    ) {
        let p = parameters
        p.attentionOutput.backward(
            outputGradient: part.stream, input: part.a.attended, gradient: gradient.attentionOutput,
            inputGradient: part.scratch.attended)
        attentionBackward(
            query: part.a.query, key: a.key, value: a.value, output: part.a.attended, logSumExp: part.a.logSumExp,
            outputGradient: part.scratch.attended, heads: configuration.headCount,
            keyValueHeads: configuration.keyValueHeadCount, positions: part.rows, delta: part.scratch.delta,
            queryGradient: part.scratch.query, keyGradient: scratch.key, valueGradient: scratch.value)
        if let rows = part.rows { scratch.query.scatterRows(rows) }
        rotateBackward(scratch.query, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.headCount)
        rotateBackward(
            scratch.key, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.keyValueHeadCount)
        normHeadsBackward(
            scratch.query, projected: a.projectedQuery, weight: p.queryNorm, rstd: a.queryRstd, gradient.queryNorm)
        normHeadsBackward(
            scratch.key, projected: a.projectedKey, weight: p.keyNorm, rstd: a.keyRstd, gradient.keyNorm)
        p.key.backward(
            outputGradient: scratch.key, input: a.attentionInput, gradient: gradient.key, inputGradient: scratch.normed)
        p.value.backward(
            outputGradient: scratch.value, input: a.attentionInput, gradient: gradient.value,
            inputGradient: scratch.normed, accumulate: true)
        backwardQuery(part, a, gradient, scratch)
    }

    private func backwardQuery(
        _ part: Part, _ a: LayerActivations, _ gradient: LayerParameters, _ scratch: LayerGradients
    ) {
        guard let rows = part.rows else {
            parameters.query.backward(
                outputGradient: scratch.query, input: a.attentionInput, gradient: gradient.query,
                inputGradient: scratch.normed, accumulate: true)
            return
        }
        scratch.query.gatherRows(rows)
        a.attentionInput.gatherRows(rows)
        // The feed-forward part is done: its input may be overwritten.
        parameters.query.backward(
            outputGradient: part.scratch.query, input: part.a.attentionInput, gradient: gradient.query,
            inputGradient: part.a.feedForwardInput)
        scratch.normed.addRows(part.a.feedForwardInput, at: rows)
    }

    private func normHeadsBackward(
        _ outputGradient: Matrix, projected: Matrix, weight: Matrix?, rstd: Matrix?, _ weightGradient: Matrix?
    ) {
        guard let weight, let rstd, let weightGradient else { return }
        rmsNormBackward(
            heads(of: outputGradient), x: heads(of: projected), weight: weight, rstd: rstd,
            into: heads(of: outputGradient), weightGradient: weightGradient)
    }
}
