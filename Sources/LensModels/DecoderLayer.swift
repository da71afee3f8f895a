import LensFormats
import LensKernels

/// Tokens whose feed-forward part is computed at a time.
let feedForwardBlock = 1024

/// One decoder layer: x + attention(norm(x)), then m + feedForward(norm(m)).
///
/// Llama, Qwen2 and Qwen3 are this layer with or without biases and per-head norms.
struct DecoderLayer {
    let configuration: ModelConfiguration
    let parameters: LayerParameters

    /// The attention part and the second norm: fills `a` up to `a.feedForwardInput` from `input` [T, hidden], but for
    /// what is `kept` there already.
    func forwardAttention(
        _ input: Matrix, _ a: LayerActivations, rotary: RotaryTable, kept: Retention = .input
    ) {
        let p = parameters
        rmsNorm(
            input, weight: p.attentionNorm, epsilon: configuration.normEpsilon, into: a.attentionInput,
            rstd: a.attentionRstd)
        if kept < .projections {
            p.query.forward(a.attentionInput, into: a.projectedQuery)
            p.key.forward(a.attentionInput, into: a.projectedKey)
            p.value.forward(a.attentionInput, into: a.value)
        }
        if kept < .projections || configuration.queryKeyNorm { normAndRotateHeads(a, rotary) }
        if kept < .attention {
            attention(
                query: a.query, key: a.key, value: a.value, heads: configuration.headCount,
                keyValueHeads: configuration.keyValueHeadCount, into: a.attended, logSumExp: a.logSumExp)
        }
        if kept < .projections {
            a.middle.copy(from: input)
            p.attentionOutput.forward(a.attended, into: a.middle, accumulate: true)
        }
        rmsNorm(
            a.middle, weight: p.feedForwardNorm, epsilon: configuration.normEpsilon, into: a.feedForwardInput,
            rstd: a.feedForwardRstd)
    }

    private func normAndRotateHeads(_ a: LayerActivations, _ rotary: RotaryTable) {
        normHeads(a.projectedQuery, weight: parameters.queryNorm, into: a.query, rstd: a.queryRstd)
        normHeads(a.projectedKey, weight: parameters.keyNorm, into: a.key, rstd: a.keyRstd)
        rotate(a.query, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.headCount)
        rotate(a.key, cosine: rotary.cosines, sine: rotary.sines, heads: configuration.keyValueHeadCount)
    }

    /// The feed-forward part: `output` [T, hidden] from `a.feedForwardInput` and `a.middle`, in blocks of tokens.
    /// `activated` [block, feedForward] is scratch. `output` may be `a.middle`.
    func forwardFeedForward(_ a: LayerActivations, activated: Matrix, output: Matrix) {
        let p = parameters
        for block in feedForwardBlocks(of: output.rows) {
            let input = a.feedForwardInput.rows(block)
            let (gate, up) = gateAndUp(a, block)
            let product = activated.rows(0..<block.count)
            p.gate.forward(input, into: gate)
            p.up.forward(input, into: up)
            swiGLU(gate: gate, up: up, into: product)
            let target = output.rows(block)
            if !target.isSame(as: a.middle.rows(block)) { target.copy(from: a.middle.rows(block)) }
            p.down.forward(product, into: target, accumulate: true)
        }
    }

    func feedForwardBlocks(of length: Int) -> [Range<Int>] {
        stride(from: 0, to: length, by: feedForwardBlock).map { $0..<min($0 + feedForwardBlock, length) }
    }

    /// Gate and up of the tokens in `block`: their own rows where all are kept, else the shared ones.
    func gateAndUp(_ a: LayerActivations, _ block: Range<Int>) -> (Matrix, Matrix) {
        let kept = a.gate.rows >= a.middle.rows
        let rows = kept ? block : 0..<block.count
        return (a.gate.rows(rows), a.up.rows(rows))
    }

    private func normHeads(_ projected: Matrix, weight: Matrix?, into output: Matrix, rstd: Matrix?) {
        guard let weight, let rstd else { return }
        rmsNorm(
            heads(of: projected), weight: weight, epsilon: configuration.normEpsilon, into: heads(of: output),
            rstd: rstd)
    }

    /// [T, heads * headDimension] as [T * heads, headDimension].
    func heads(of matrix: Matrix) -> Matrix {
        matrix.reshaped(rows: matrix.count / configuration.headDimension, columns: configuration.headDimension)
    }
}
