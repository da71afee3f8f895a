import CLongLens

/// `y += x`, element by element.
public func add(_ x: Matrix, to y: Matrix) {
    precondition(x.count == y.count)
    unsafe lens_add(y.pointer, x.pointer, y.count)
}

/// `x *= factor`, element by element.
public func scale(_ x: Matrix, by factor: Float) {
    unsafe lens_scale(x.pointer, factor, x.count)
}

/// SwiGLU (arXiv 2002.05202): `output = silu(gate) * up`. `output` may be `gate` or `up`.
public func swiGLU(gate: Matrix, up: Matrix, into output: Matrix) {
    precondition(gate.count == up.count && output.count == up.count)
    unsafe lens_swiglu_forward(output.pointer, gate.pointer, up.pointer, up.count)
}

/// The gradient of ``swiGLU(gate:up:into:)``, overwriting `gateGradient` and `upGradient`.
///
/// `gateGradient` may be `gate`; `upGradient` may be `up` or `outputGradient`.
public func swiGLUBackward(
    _ outputGradient: Matrix, gate: Matrix, up: Matrix, gateGradient: Matrix, upGradient: Matrix
) {
    precondition(outputGradient.count == up.count && gate.count == up.count)
    precondition(gateGradient.count == up.count && upGradient.count == up.count)
    unsafe lens_swiglu_backward(
        gateGradient.pointer, upGradient.pointer, outputGradient.pointer, gate.pointer, up.pointer, up.count)
}

/// Adds `bias` (C elements) to every row of `x` [T, C].
public func addBias(_ bias: Matrix, to x: Matrix) {
    precondition(bias.count == x.columns)
    unsafe lens_bias_forward(x.pointer, bias.pointer, x.rows, x.columns)
}

/// The gradient of ``addBias(_:to:)``: adds the column sums of `outputGradient` [T, C] to `biasGradient`.
public func biasBackward(_ outputGradient: Matrix, biasGradient: Matrix) {
    precondition(biasGradient.count == outputGradient.columns)
    unsafe lens_bias_backward(
        biasGradient.pointer, outputGradient.pointer, outputGradient.rows, outputGradient.columns)
}

/// The sum of the squares of all elements, in double precision.
public func sumOfSquares(_ x: Matrix) -> Double {
    unsafe lens_sum_of_squares(x.pointer, x.count)
}

/// The position, in row-major order, of the first element that is infinite or not a number; nil when all are finite.
public func firstNonFinite(_ x: Matrix) -> Int? {
    let index = unsafe lens_first_nonfinite(x.pointer, x.count)
    return index == x.count ? nil : index
}
