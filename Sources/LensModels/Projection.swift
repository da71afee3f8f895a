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
        backwardBias(outputGradient: outputGradient, gradient: gradient)
        backwardProducts(
            outputGradient: outputGradient, input: input, gradient: gradient, inputGradient: inputGradient,
            accumulate: accumulate, steps: [0..<input.rows])
    }

    /// The bias's part of the gradient alone.
    func backwardBias(outputGradient: Matrix, gradient: Projection) {
        if let bias = gradient.bias { biasBackward(outputGradient, biasGradient: bias) }
    }

    /// All but the bias's part. The weight's gradient sums over the rows of one step after the other.
    func backwardProducts(
        outputGradient: Matrix, input: Matrix, gradient: Projection, inputGradient: Matrix, accumulate: Bool = false,
        steps: [Range<Int>]
    ) {
        for step in steps {
            multiply(
                outputGradient.rows(step), transposeA: true, input.rows(step), into: gradient.weight, accumulate: true)
        }
        multiply(outputGradient, weight, into: inputGradient, accumulate: accumulate)
    }
}
