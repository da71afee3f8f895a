import LensKernels
import LensTestSupport

/// A small language model's step, kernel by kernel: forward, loss, backward and update, on memory of its own.
///
/// Each kernel has pieces for several threads.
struct Chain {
    private let tokens = 300, width = 96, heads = 6, keyValueHeads = 2, headSize = 16, vocabulary = 1000
    private let ids: [Int32], targets: [Int32]
    private let table: Matrix, norm: Matrix, query: Matrix, key: Matrix, gate: Matrix, bias: Matrix

    init(seed: UInt64 = 1) throws {
        let vocabulary = vocabulary
        ids = (0..<tokens).map { Int32($0 * 7919 % vocabulary) }
        targets = (0..<tokens).map { Int32(($0 + 1) * 7919 % vocabulary) }
        func random(_ rows: Int, _ columns: Int, _ number: UInt64, scale: Float) throws -> Matrix {
            try Matrix(
                rows: rows, columns: columns, randomFloats(rows * columns, seed: 10 * seed + number, scale: scale))
        }
        table = try random(vocabulary, width, 0, scale: 1)
        norm = try random(1, width, 1, scale: 1)
        query = try random(width, width, 2, scale: 0.3)
        key = try random(keyValueHeads * headSize, width, 3, scale: 0.3)
        gate = try random(width, width, 4, scale: 0.3)
        bias = try random(1, width, 5, scale: 0.1)
    }

    /// The bits of the loss and of everything updated.
    func bits(on runtime: Runtime) throws -> [UInt32] {
        func zeros(_ rows: Int, _ columns: Int) throws -> Matrix { try Matrix(rows: rows, columns: columns) }
        func wide() throws -> Matrix { try zeros(tokens, width) }
        let keyWidth = keyValueHeads * headSize
        let x = try wide(), normed = try wide(), rstd = try zeros(1, tokens)
        let q = try wide(), k = try zeros(tokens, keyWidth), attended = try wide()
        let logSumExp = try zeros(heads, tokens), mixed = try wide(), out = try wide()
        let angles = (0..<tokens * headSize / 2).map { Float($0 % 97) / 97 }
        let cosine = try Matrix(rows: tokens, columns: headSize / 2, angles.map { 1 - $0 * $0 / 2 })
        let sine = try Matrix(rows: tokens, columns: headSize / 2, angles)

        try runtime.embed(ids, table: table, into: x)
        try runtime.rmsNorm(x, weight: norm, epsilon: 1e-5, into: normed, rstd: rstd)
        try runtime.multiply(normed, query, transposeB: true, into: q)
        try runtime.multiply(normed, key, transposeB: true, into: k)
        try runtime.addBias(bias, to: q)
        try runtime.rotate(q, cosine: cosine, sine: sine, heads: heads)
        try runtime.rotate(k, cosine: cosine, sine: sine, heads: keyValueHeads)
        try runtime.attention(
            query: q, key: k, value: k, heads: heads, keyValueHeads: keyValueHeads, into: attended, logSumExp: logSumExp
        )
        try runtime.multiply(attended, gate, transposeB: true, into: mixed)
        try runtime.swiGLU(gate: mixed, up: x, into: out)

        let logits = try zeros(tokens, vocabulary), loss = try zeros(1, tokens), lse = try zeros(1, tokens)
        let weights = try zeros(1, tokens)
        weights.fill(1 / Float(tokens))
        try runtime.headLosses(out, table, targets: targets, into: loss, logSumExp: lse, logits: logits)
        try runtime.crossEntropyBackward(logits, targets: targets, logSumExp: lse, weights: weights)

        let dtable = try zeros(vocabulary, width), dout = try wide(), dmixed = try wide(), dx = try wide()
        try runtime.multiply(logits, transposeA: true, out, into: dtable, accumulate: true)
        try runtime.multiply(logits, table, into: dout)
        try runtime.swiGLUBackward(dout, gate: mixed, up: x, gateGradient: dmixed, upGradient: dx)
        let dgate = try zeros(width, width), dattended = try wide()
        try runtime.multiply(dmixed, transposeA: true, attended, into: dgate, accumulate: true)
        try runtime.multiply(dmixed, gate, into: dattended)
        let dq = try wide(), dk = try zeros(tokens, keyWidth), dv = try zeros(tokens, keyWidth)
        try runtime.attentionBackward(
            query: q, key: k, value: k, output: attended, logSumExp: logSumExp, outputGradient: dattended, heads: heads,
            keyValueHeads: keyValueHeads, delta: try zeros(heads, tokens), queryGradient: dq, keyGradient: dk,
            valueGradient: dv)
        try runtime.rotateBackward(dq, cosine: cosine, sine: sine, heads: heads)
        let dbias = try zeros(1, width), dnorm = try zeros(1, width), dnormed = try wide()
        try runtime.biasBackward(dq, biasGradient: dbias)
        try runtime.multiply(dq, query, into: dnormed)
        try runtime.multiply(dk, key, into: dnormed, accumulate: true)
        try runtime.rmsNormBackward(
            dnormed, x: x, weight: norm, rstd: rstd, into: dx, accumulate: true, weightGradient: dnorm)
        try runtime.embedBackward(dx, tokens: ids, tableGradient: dtable)

        let squares = try runtime.sumOfSquares(dtable)
        let updated = try Matrix(rows: vocabulary, columns: width, table.array)
        try runtime.adamW(
            parameters: updated, gradients: dtable, firstMoments: try zeros(vocabulary, width),
            secondMoments: try zeros(vocabulary, width), settings: AdamWSettings(), step: 1,
            gradientScale: 1 / squares.squareRoot())
        let results = [loss, dtable, dgate, dv, dbias, dnorm, updated]
        return results.flatMap { $0.array.map(\.bitPattern) } + [UInt32(truncatingIfNeeded: squares.bitPattern)]
    }
}
