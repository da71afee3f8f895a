import CLongLens
import LensSupport

extension Runtime {
    /// Rotates the heads of `x` in place (rotary position embedding, arXiv 2104.09864, half-split pairs).
    ///
    /// Of each head the elements `i` and `i + R/2`, `i < R/2`, turn by the angle whose cosine and sine are given; what
    /// lies past `R` stays.
    /// - Parameters:
    ///   - x: [T, heads * head dimension].
    ///   - cosine, sine: [at least the longest sequence, R/2], with `R` at most the head dimension.
    ///   - spans: sequences of which each begins with row 0 of them; nil for one.
    package func rotate(
        _ x: Matrix, cosine: Matrix, sine: Matrix, heads: Int, spans: RowSpans? = nil
    ) throws(LensError) {
        checkRotation(x, cosine, sine, heads, length: spans?.longest ?? x.rows)
        precondition(spans == nil || spans?.rows == x.rows)
        try unsafe run(over: spans) { context, spans in
            unsafe lens_rope_forward(
                context, x.rows, spans, heads, x.columns / heads, 2 * cosine.columns, cosine.pointer, sine.pointer,
                x.pointer)
        }
    }

    /// The gradient of ``rotate(_:cosine:sine:heads:spans:)`` of one sequence, in place: rotates `gradient` back.
    package func rotateBackward(_ gradient: Matrix, cosine: Matrix, sine: Matrix, heads: Int) throws(LensError) {
        checkRotation(gradient, cosine, sine, heads, length: gradient.rows)
        try unsafe run { context in
            unsafe lens_rope_backward(
                context, gradient.rows, heads, gradient.columns / heads, 2 * cosine.columns, cosine.pointer,
                sine.pointer,
                gradient.pointer)
        }
    }
}

private func checkRotation(_ x: Matrix, _ cosine: Matrix, _ sine: Matrix, _ heads: Int, length: Int) {
    precondition(heads > 0 && x.columns % heads == 0)
    precondition(cosine.rows >= length && sine.rows == cosine.rows && cosine.columns == sine.columns)
    precondition(2 * cosine.columns <= x.columns / heads, "more rotated elements than a head has")
}
