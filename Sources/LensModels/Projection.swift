import LensKernels

/// A linear map y = x Wᵀ + b, or the gradients of its weight and bias.
struct Projection: Sendable {
    /// [output, input]
    let weight: Matrix
    /// [1, output]
    let bias: Matrix?

    /// output[T, out] = input[T, in] Wᵀ + b, added to what `output` holds when `accumulate`.
    func forward(_ input: Matrix, into output: Matrix, accumulate: Bool = false) {
        multiply(input, weight, transposeB: true, into: output, accumulate: accumulate)
        if let bias { addBias(bias, to: output) }
    }

    /// Adds the gradients of weight and bias to `gradient`, and writes (or adds) the input's gradient.
    func backward(
        outputGradient: Matrix, input: Matrix, gradient: Projection, inputGradient: Matrix, accumulate: Bool = false
    ) {
        multiply(outputGradient, transposeA: true, input, into: gradient.weight, accumulate: true)
        if let bias = gradient.bias { biasBackward(outputGradient, biasGradient: bias) }
        multiply(outputGradient, weight, into: inputGradient, accumulate: accumulate)
    }
}
