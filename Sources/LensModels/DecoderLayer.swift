import LensFormats
import LensKernels
import LensSupport

/// Tokens whose feed-forward part is computed at a time.
let feedForwardBlock = 1024
/// The same under quantized weights, which are packed already: shorter blocks cost nothing there, and take less memory.
/// Whole tiles of 4, 6, 8 and 12 rows.
let quantizedFeedForwardBlock = 264

/// One decoder layer: x + attention(norm(x)), then m + feedForward(norm(m)).
///
/// Llama, Qwen2 and Qwen3 are this layer with or without biases and per-head norms.
struct DecoderLayer {
    let configuration: ModelConfiguration
    let parameters: LayerParameters
    let runtime: Runtime
    /// Keys that a query sees, the last ones up to its own; nil for all.
    let window: Int?
    /// Whether the forward's attention rounds to bf16 where the machine computes in it.
    var attendsInBF16 = false

    /// The attention part and the second norm: fills `a` up to `a.feedForwardInput` from `input` [T, hidden], but for
    /// what is `kept` there already. `a.middle` may be `input`.
    ///
    /// - Parameters:
    ///   - spans: the sequences that `input` holds; nil for one.
    ///   - cached: where `a.key` and `a.value` are kept after those of the tokens before; `rotary` begins at the first one.
    func forwardAttention(
        _ input: Matrix, _ a: LayerActivations, rotary: RotaryTable, spans: RowSpans? = nil, kept: Retention = .input,
        cached: CachedAttention? = nil
    ) throws(LensError) {
        let p = parameters
        if kept < .projections {
            try runtime.rmsNorm(
                input, weight: p.attentionNorm, epsilon: configuration.normEpsilon, into: a.attentionInput,
                rstd: a.attentionRstd)
            try Projection.forward(
                a.attentionInput, [(p.query, a.projectedQuery), (p.key, a.projectedKey), (p.value, a.value)],
                on: runtime)
        }
        if kept < .projections || configuration.queryKeyNorm { try normAndRotateHeads(a, rotary) }
        if kept < .attention { try attend(a, spans: spans, cached: cached) }
        if kept < .projections {
            if !a.middle.isSame(as: input) { a.middle.copy(from: input) }
            try p.attentionOutput.forward(a.attended, into: a.middle, accumulate: true, on: runtime)
        }
        try runtime.rmsNorm(
            a.middle, weight: p.feedForwardNorm, epsilon: configuration.normEpsilon, into: a.feedForwardInput,
            rstd: a.feedForwardRstd)
    }

    private func normAndRotateHeads(
        _ a: LayerActivations, _ rotary: RotaryTable
    ) throws(LensError) {
        try normHeads(a.projectedQuery, weight: parameters.queryNorm, into: a.query, rstd: a.queryRstd)
        try normHeads(a.projectedKey, weight: parameters.keyNorm, into: a.key, rstd: a.keyRstd)
        for (x, heads) in [(a.query, configuration.headCount), (a.key, configuration.keyValueHeadCount)] {
            try runtime.rotate(x, cosine: rotary.cosines, sine: rotary.sines, heads: heads, spans: rotary.spans)
        }
    }

    /// The feed-forward part: `output` [T, hidden] from `a.feedForwardInput` and `a.middle`, in blocks of tokens.
    /// `activated` [block, feedForward] is scratch, and may be `a.gate`. `output` may be
    /// `a.middle`.
    func forwardFeedForward(_ a: LayerActivations, activated: Matrix, output: Matrix) throws(LensError) {
        let p = parameters
        for block in feedForwardBlocks(of: output.rows, atMost: activated.rows) {
            let input = a.feedForwardInput.rows(block)
            let (gate, up) = gateAndUp(a, block)
            let product = activated.rows(0..<block.count)
            try Projection.forward(input, [(p.gate, gate), (p.up, up)], on: runtime)
            try runtime.swiGLU(gate: gate, up: up, into: product)
            let target = output.rows(block)
            if !target.isSame(as: a.middle.rows(block)) { target.copy(from: a.middle.rows(block)) }
            try p.down.forward(product, into: target, accumulate: true, on: runtime)
        }
    }

    func feedForwardBlocks(of length: Int, atMost size: Int = feedForwardBlock) -> [Range<Int>] {
        stride(from: 0, to: length, by: size).map { $0..<min($0 + size, length) }
    }

    /// Gate and up of the tokens in `block`: their own rows where all are kept, else the shared ones.
    func gateAndUp(_ a: LayerActivations, _ block: Range<Int>) -> (Matrix, Matrix) {
        let kept = a.gate.rows >= a.middle.rows
        let rows = kept ? block : 0..<block.count
        return (a.gate.rows(rows), a.up.rows(rows))
    }

    private func normHeads(
        _ projected: Matrix, weight: Matrix?, into output: Matrix, rstd: Matrix?
    ) throws(LensError) {
        guard let weight, let rstd else { return }
        try runtime.rmsNorm(
            heads(of: projected), weight: weight, epsilon: configuration.normEpsilon, into: heads(of: output),
            rstd: rstd)
    }

    /// [T, heads * headDimension] as [T * heads, headDimension].
    func heads(of matrix: Matrix) -> Matrix {
        matrix.reshaped(rows: matrix.count / configuration.headDimension, columns: configuration.headDimension)
    }
}
