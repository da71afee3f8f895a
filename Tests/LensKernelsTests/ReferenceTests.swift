import CLensReference
import LensTestSupport
import Testing

private func random(_ count: Int, seed: UInt64) -> [Double] { randomFloats(count, seed: seed).doubles }
private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

private func expectEqual(_ result: [Double], _ expected: [Double], sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(result.count == expected.count, sourceLocation: sourceLocation)
    for (a, b) in zip(result, expected) where !(abs(a - b) <= 1e-8 * (1 + abs(b))) {
        Issue.record("\(a) is not \(b)", sourceLocation: sourceLocation)
        return
    }
}

/// The reference operations that kernels are tested against: their gradients are those of what they compute, and what
/// they compute is what is written in formulas.
@Suite struct ReferenceTests {
    @Test func gemmIsASumOfProducts() {
        // [1 2; 3 4] · [5 6; 7 8], each stored as it is or transposed, in rows of three.
        let plain: [[Double]] = [[1, 2, 0, 3, 4], [5, 6, 0, 7, 8]]
        let turned: [[Double]] = [[1, 3, 0, 2, 4], [5, 7, 0, 6, 8]]
        for (transposeA, transposeB) in [(false, false), (false, true), (true, false), (true, true)] {
            var c: [Double] = [1, 1, -9, 1, 1]
            let a = (transposeA ? turned : plain)[0], b = (transposeB ? turned : plain)[1]
            unsafe reference_gemm(2, 2, 2, transposeA, transposeB, false, a, 3, b, 3, &c, 3)
            #expect(c == [19, 22, -9, 43, 50])
            unsafe reference_gemm(2, 2, 2, transposeA, transposeB, true, a, 3, b, 3, &c, 3)
            #expect(c == [38, 44, -9, 86, 100])
        }
    }

    @Test func normGradients() {
        let rows = 3, columns = 5, count = rows * columns
        let x = random(count, seed: 1), weight = random(columns, seed: 2), dout = random(count, seed: 3)
        func forward(_ x: [Double], _ weight: [Double]) -> (out: [Double], rstd: [Double]) {
            var out = x, rstd = [Double](repeating: 0, count: rows)
            unsafe reference_rmsnorm_forward(rows, columns, 1e-5, x, weight, &out, &rstd)
            return (out, rstd)
        }
        // Of a row of equal elements, everything has the size of the weight.
        let equal = forward([Double](repeating: 3, count: count), [1, 2, 3, 4, -5]).out
        expectEqual(Array(equal[..<5]), [1, 2, 3, 4, -5].map { $0 * 3 / (9 + 1e-5).squareRoot() })
        var dx = x, dweight = weight
        unsafe reference_rmsnorm_backward(rows, columns, dout, x, weight, forward(x, weight).rstd, &dx, &dweight)
        expectEqual(dx, centralDifferences(at: x) { dot(forward($0, weight).out, dout) })
        expectEqual(dweight, centralDifferences(at: weight) { dot(forward(x, $0).out, dout) })
    }

    @Test func rotationsTurnAndTurnBack() {
        let tokens = 2, heads = 2, size = 5, rotary = 4, count = tokens * heads * size
        let cosine = [1, 0, 0.6, 0.8], sine = [0, 1, 0.8, 0.6], x = random(count, seed: 4)
        var y = x
        unsafe reference_rope_forward(tokens, heads, size, rotary, cosine, sine, &y)
        #expect(y[..<5] == [x[0], -x[3], x[2], x[1], x[4]])
        var dx = random(count, seed: 5)
        let dout = dx
        unsafe reference_rope_backward(tokens, heads, size, rotary, cosine, sine, &dx)
        expectEqual([dot(x, dx)], [dot(y, dout)])
        unsafe reference_rope_backward(tokens, heads, size, rotary, cosine, sine, &y)
        expectEqual(y, x)
    }

    @Test func swiGLUGradients() {
        let count = 9, gate = random(count, seed: 6).map { 4 * $0 }, up = random(count, seed: 7)
        let dout = random(count, seed: 8)
        func forward(_ gate: [Double], _ up: [Double]) -> [Double] {
            var out = gate
            unsafe reference_swiglu_forward(count, gate, up, &out)
            return out
        }
        var dgate = gate, dup = up
        unsafe reference_swiglu_backward(count, dout, gate, up, &dgate, &dup)
        expectEqual(dgate, centralDifferences(at: gate) { dot(forward($0, up), dout) })
        expectEqual(dup, centralDifferences(at: up) { dot(forward(gate, $0), dout) })
    }

    @Test func lossGradients() {
        let rows = 3, vocabulary = 7, targets: [Int32] = [6, 0, 3], weights = [1, 0, -2.5]
        let logits = random(rows * vocabulary, seed: 9).map { 5 * $0 }
        func forward(_ logits: [Double]) -> (nll: [Double], lse: [Double]) {
            var nll = weights, lse = weights
            unsafe reference_cross_entropy_forward(rows, vocabulary, logits, targets, &nll, &lse)
            return (nll, lse)
        }
        // Of equal logits, each target has a probability of one in seven.
        let equal = forward([Double](repeating: 1e4, count: logits.count)).nll
        expectEqual(equal, [Double](repeating: 1.945910149055313, count: rows))
        var gradient = logits
        unsafe reference_cross_entropy_backward(
            rows, vocabulary, logits, targets, forward(logits).lse, weights, &gradient)
        expectEqual(gradient, centralDifferences(at: logits) { dot(forward($0).nll, weights) })
    }

    @Test func embeddingGradients() {
        let tokens: [Int32] = [2, 0, 2], table: [Double] = [1, 2, 3, 4, 5, 6], dout: [Double] = [1, 2, 4, 8, 16, 32]
        var out = dout, gradient = table
        unsafe reference_embedding_forward(3, 2, table, tokens, &out)
        #expect(out == [5, 6, 1, 2, 5, 6])
        unsafe reference_embedding_backward(3, 2, dout, tokens, &gradient)
        #expect(gradient == [5, 10, 3, 4, 22, 40])
    }

    @Test(arguments: [0, 1, 2, 3])
    func attentionGradients(window: Int) {
        var test = AttentionCase(tokens: 5, keyValueHeads: 2, group: 2, size: 3, seed: 10)
        test.window = window
        let q = test.q.doubles, k = test.k.doubles, v = test.v.doubles, dout = test.dout.doubles
        func forward(_ q: [Double], _ k: [Double], _ v: [Double]) -> (out: [Double], lse: [Double]) {
            var out = q, lse = [Double](repeating: 0, count: test.heads * test.tokens)
            unsafe reference_attention_forward(
                test.tokens, test.heads, test.keyValueHeads, test.size, Double(test.scale), window, q, k, v, &out, &lse)
            return (out, lse)
        }
        let (out, lse) = forward(q, k, v)
        // The first token sees itself alone.
        #expect(out[..<3] == v[..<3])
        var dq = q, dk = k, dv = v
        unsafe reference_attention_backward(
            test.tokens, test.heads, test.keyValueHeads, test.size, Double(test.scale), window, q, k, v, out, lse,
            dout, &dq, &dk, &dv)
        expectEqual(dq, centralDifferences(at: q) { dot(forward($0, k, v).out, dout) })
        expectEqual(dk, centralDifferences(at: k) { dot(forward(q, $0, v).out, dout) })
        expectEqual(dv, centralDifferences(at: v) { dot(forward(q, k, $0).out, dout) })

        // The values that the kernels' error bounds are built around are these.
        let bounded = AttentionReference(test)
        for (values, expected) in [
            (bounded.out, out), (bounded.lse, lse), (bounded.dq, dq), (bounded.dk, dk), (bounded.dv, dv),
        ] { expectEqual(values.map(\.value), expected) }
    }

    @Test func adamWTakesASignedStepAtFirst() {
        // Both moments' corrections leave g / |g|.
        var p = [1.0, 1, 1], m = [0.0, 0, 0], v = m
        unsafe reference_adamw(3, 1, 0.1, 0.9, 0.99, 0, 0.5, [2, -3, 1e-3], &m, &v, &p)
        expectEqual(p, [1 - 0.1 - 0.05, 1 + 0.1 - 0.05, 1 - 0.1 - 0.05])
        expectEqual(m, [0.2, -0.3, 1e-4])
        expectEqual(v, [0.04, 0.09, 1e-8])
    }
}
