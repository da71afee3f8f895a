import CLongLens
import LensSupport

extension Runtime {
    /// `c = op(a) · op(b)`, or `c += op(a) · op(b)` when `accumulate`; op transposes when its flag is set.
    ///
    /// Shapes: op(a) is M x K, op(b) is K x N, `c` is M x N; `c` must not overlap `a` or `b`. K = 0 gives zeros, or leaves
    /// `c` as it is. An element's bits depend on its row, its column and K alone: not on M, N or the number of threads.
    ///
    /// - forward: `multiply(x, w, transposeB: true, into: y)` with x [T, K], w [N, K]
    /// - input gradient: `multiply(dy, w, into: dx)`
    /// - weight gradient: `multiply(dy, transposeA: true, x, into: dw, accumulate: true)`
    package func multiply(
        _ a: Matrix, transposeA: Bool = false, _ b: Matrix, transposeB: Bool = false, into c: Matrix,
        accumulate: Bool = false
    ) throws(LensError) {
        let (m, k) = transposeA ? (a.columns, a.rows) : (a.rows, a.columns)
        let (innerB, n) = transposeB ? (b.columns, b.rows) : (b.rows, b.columns)
        precondition(innerB == k, "op(a) has \(k) columns, op(b) has \(innerB) rows")
        precondition(c.rows == m && c.columns == n, "the product is \(m) x \(n), c is \(c.rows) x \(c.columns)")
        try unsafe run { context in
            unsafe lens_gemm_f32(
                context, m, n, k, transposeA, transposeB, accumulate, a.pointer, a.columns, b.pointer, b.columns,
                c.pointer, c.columns)
        }
    }
}

/// KC: the length of the blocks that a sum over `count` terms is cut into. Products over one block after the other, each
/// accumulated, give the bits of the whole product accumulated.
package func productBlock(_ count: Int) -> Int {
    precondition(count > 0)
    return lens_gemm_kc(count)
}
