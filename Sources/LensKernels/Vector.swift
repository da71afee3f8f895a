import CLongLens
import LensSupport

extension Runtime {
    /// SwiGLU (arXiv 2002.05202): `output = silu(gate) * up`. `output` may be `gate` or `up`.
    package func swiGLU(gate: Matrix, up: Matrix, into output: Matrix) throws(LensError) {
        precondition(gate.count == up.count && output.count == up.count)
        try unsafe run { context in
            unsafe lens_swiglu_forward(context, up.count, gate.pointer, up.pointer, output.pointer)
        }
    }

    /// The gradient of ``swiGLU(gate:up:into:)``, overwriting `gateGradient` and `upGradient`.
    ///
    /// `gateGradient` may be `gate`; `upGradient` may be `up` or `outputGradient`.
    package func swiGLUBackward(
        _ outputGradient: Matrix, gate: Matrix, up: Matrix, gateGradient: Matrix, upGradient: Matrix
    ) throws(LensError) {
        precondition(outputGradient.count == up.count && gate.count == up.count)
        precondition(gateGradient.count == up.count && upGradient.count == up.count)
        try unsafe run { context in
            unsafe lens_swiglu_backward(
                context, up.count, outputGradient.pointer, gate.pointer, up.pointer, gateGradient.pointer,
                upGradient.pointer)
        }
    }

    /// Adds `bias` (C elements) to every row of `x` [T, C].
    package func addBias(_ bias: Matrix, to x: Matrix) throws(LensError) {
        precondition(bias.count == x.columns)
        try unsafe run { unsafe lens_bias_forward($0, x.rows, x.columns, bias.pointer, x.pointer) }
    }

    /// The gradient of ``addBias(_:to:)``: adds the column sums of `outputGradient` [T, C] to `biasGradient`.
    package func biasBackward(_ outputGradient: Matrix, biasGradient: Matrix) throws(LensError) {
        precondition(biasGradient.count == outputGradient.columns)
        try unsafe run { context in
            unsafe lens_bias_backward(
                context, outputGradient.rows, outputGradient.columns, outputGradient.pointer, biasGradient.pointer)
        }
    }

    /// The sum of the squares of all elements, in double precision.
    package func sumOfSquares(_ x: Matrix) throws(LensError) -> Double {
        var sum = 0.0
        try unsafe run { unsafe lens_sum_of_squares($0, x.count, x.pointer, &sum) }
        return sum
    }

    /// The position, in row-major order, of the first element that is infinite or not a number; nil when all are finite.
    package func firstNonFinite(_ x: Matrix) throws(LensError) -> Int? {
        var index = 0
        try unsafe run { unsafe lens_first_nonfinite($0, x.count, x.pointer, &index) }
        return index == x.count ? nil : index
    }
}
