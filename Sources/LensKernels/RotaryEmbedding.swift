import CLongLens
import LensSupport

extension Runtime {
    /// Rotates the heads of `x` in place (rotary position embedding, arXiv 2104.09864, half-split pairs).
    ///
    /// Of each head the elements `i` and `i + R/2`, `i < R/2`, turn by the angle whose cosine and sine are given; what
    /// lies past `R` stays.
    /// - Parameters:
    ///   - x: [T, heads * head dimension].
    ///   - cosine, sine: [T, R/2], with `R` at most the head dimension.
    package func rotate(_ x: Matrix, cosine: Matrix, sine: Matrix, heads: Int) throws(LensError) {
        checkRotation(x, cosine, sine, heads)
        try unsafe run { context in
            unsafe lens_rope_forward(
                context, x.rows, heads, x.columns / heads, 2 * cosine.columns, cosine.pointer, sine.pointer, x.pointer)
        }
    }

    /// The gradient of ``rotate(_:cosine:sine:heads:)``, in place: rotates `gradient` back.
    package func rotateBackward(_ gradient: Matrix, cosine: Matrix, sine: Matrix, heads: Int) throws(LensError) {
        checkRotation(gradient, cosine, sine, heads)
        try unsafe run { context in
            unsafe lens_rope_backward(
                context, gradient.rows, heads, gradient.columns / heads, 2 * cosine.columns, cosine.pointer,
                sine.pointer,
                gradient.pointer)
        }
    }
}

private func checkRotation(_ x: Matrix, _ cosine: Matrix, _ sine: Matrix, _ heads: Int) {
    precondition(heads > 0 && x.columns % heads == 0)
    precondition(cosine.rows == x.rows && sine.rows == x.rows && cosine.columns == sine.columns)
    precondition(2 * cosine.columns <= x.columns / heads, "more rotated elements than a head has")
}
