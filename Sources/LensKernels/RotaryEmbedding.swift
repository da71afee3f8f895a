import CLongLens

/// Rotates the heads of `x` in place (rotary position embedding, arXiv 2104.09864, half-split pairs).
///
/// Of each head the elements `i` and `i + R/2`, `i < R/2`, turn by the angle whose cosine and sine are given; what
/// lies past `R` stays.
/// - Parameters:
///   - x: [T, heads * head dimension].
///   - cosine, sine: [T, R/2], with `R` at most the head dimension.
public func rotate(_ x: Matrix, cosine: Matrix, sine: Matrix, heads: Int) {
    checkRotation(x, cosine, sine, heads)
    unsafe lens_rope_forward(
        x.pointer, cosine.pointer, sine.pointer, x.rows, heads, x.columns / heads, 2 * cosine.columns)
}

/// The gradient of ``rotate(_:cosine:sine:heads:)``, in place: rotates `gradient` back.
public func rotateBackward(_ gradient: Matrix, cosine: Matrix, sine: Matrix, heads: Int) {
    checkRotation(gradient, cosine, sine, heads)
    unsafe lens_rope_backward(
        gradient.pointer, cosine.pointer, sine.pointer, gradient.rows, heads, gradient.columns / heads,
        2 * cosine.columns)
}

private func checkRotation(_ x: Matrix, _ cosine: Matrix, _ sine: Matrix, _ heads: Int) {
    precondition(heads > 0 && x.columns % heads == 0)
    precondition(cosine.rows == x.rows && sine.rows == x.rows && cosine.columns == sine.columns)
    precondition(2 * cosine.columns <= x.columns / heads, "more rotated elements than a head has")
}
