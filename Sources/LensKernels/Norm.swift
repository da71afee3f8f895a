import CLongLens
import LensSupport

extension Runtime {
    /// RMSNorm of every row (arXiv 1910.07467): `output = x * rstd * weight`, `rstd = 1 / sqrt(mean(x²) + epsilon)`.
    ///
    /// - Parameters:
    ///   - x: [T, C]; for norms over heads reshape to [T * heads, head dimension].
    ///   - weight: C elements.
    ///   - output: [T, C]; may be `x`.
    ///   - rstd: T elements for the backward, or nil.
    package func rmsNorm(_ x: Matrix, weight: Matrix, epsilon: Float, into output: Matrix, rstd: Matrix? = nil)
        throws(LensError)
    {
        precondition(output.rows == x.rows && output.columns == x.columns && weight.count == x.columns)
        precondition(rstd == nil || rstd?.count == x.rows)
        try unsafe run { context in
            unsafe lens_rmsnorm_forward(
                context, x.rows, x.columns, epsilon, x.pointer, weight.pointer, output.pointer, rstd?.pointer)
        }
    }

    /// The gradient of ``rmsNorm(_:weight:epsilon:into:rstd:)``.
    ///
    /// - Parameters:
    ///   - outputGradient: [T, C].
    ///   - x: the forward's input, [T, C].
    ///   - weight: C elements.
    ///   - rstd: what the forward gave, T elements.
    ///   - inputGradient: [T, C]; overwritten, or added to when `accumulate`. May be `outputGradient`.
    ///   - weightGradient: C elements; added to.
    package func rmsNormBackward(
        _ outputGradient: Matrix, x: Matrix, weight: Matrix, rstd: Matrix, into inputGradient: Matrix,
        accumulate: Bool = false, weightGradient: Matrix
    ) throws(LensError) {
        precondition(outputGradient.rows == x.rows && outputGradient.columns == x.columns)
        precondition(inputGradient.rows == x.rows && inputGradient.columns == x.columns)
        precondition(weight.count == x.columns && weightGradient.count == x.columns && rstd.count == x.rows)
        try unsafe run { context in
            unsafe lens_rmsnorm_backward(
                context, x.rows, x.columns, accumulate, outputGradient.pointer, x.pointer, weight.pointer, rstd.pointer,
                inputGradient.pointer, weightGradient.pointer)
        }
    }
}
