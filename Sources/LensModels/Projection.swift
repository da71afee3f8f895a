import LensKernels
import LensSupport

/// A linear map y = x Wᵀ + b with weights of any type, or the gradients of its weight and bias.
struct Projection {
    /// [output, input]
    let weight: Weights
    /// [1, output]
    let bias: Matrix?

    /// output[T, out] = input[T, in] Wᵀ + b, added to what `output` holds when `accumulate`.
    func forward(
        _ input: Matrix, into output: Matrix, accumulate: Bool = false, on runtime: Runtime
    ) throws(LensError) {
        try runtime.multiply(input, weight, into: output, accumulate: accumulate)
        if let bias { try runtime.addBias(bias, to: output) }
    }

    /// Several maps of one input [T, in], each into its output [T, out].
    static func forward(
        _ input: Matrix, _ maps: [(projection: Projection, output: Matrix)], on runtime: Runtime
    ) throws(LensError) {
        try runtime.multiply(input, maps.map { ($0.projection.weight, $0.output) })
        for map in maps {
            if let bias = map.projection.bias { try runtime.addBias(bias, to: map.output) }
        }
    }

    /// Adds the gradients of weight and bias, which are fp32 both, to `gradient`, and writes (or adds) the input's gradient.
    func backward(
        outputGradient: Matrix, input: Matrix, gradient: Projection, inputGradient: Matrix, accumulate: Bool = false,
        on runtime: Runtime
    ) throws(LensError) {
        try backwardBias(outputGradient: outputGradient, gradient: gradient, on: runtime)
        try backwardProducts(
            outputGradient: outputGradient, input: input, gradient: gradient, inputGradient: inputGradient,
            accumulate: accumulate, blocks: [0..<input.rows], on: runtime)
    }

    /// The bias's part of the gradient alone.
    func backwardBias(outputGradient: Matrix, gradient: Projection, on runtime: Runtime) throws(LensError) {
        if let bias = gradient.bias { try runtime.biasBackward(outputGradient, biasGradient: bias) }
    }

    /// All but the bias's part.
    func backwardProducts(
        outputGradient: Matrix, input: Matrix, gradient: Projection, inputGradient: Matrix, accumulate: Bool = false,
        blocks: [Range<Int>], on runtime: Runtime
    ) throws(LensError) {
        try backwardWeight(
            outputGradient: outputGradient, input: input, gradient: gradient, blocks: blocks, on: runtime)
        try backwardInput(
            outputGradient: outputGradient, inputGradient: inputGradient, accumulate: accumulate, on: runtime)
    }

    /// The weight's gradient alone, which sums over one block of rows after the other.
    func backwardWeight(
        outputGradient: Matrix, input: Matrix, gradient: Projection, blocks: [Range<Int>], on runtime: Runtime
    ) throws(LensError) {
        for block in blocks {
            try runtime.multiply(
                outputGradient.rows(block), transposeA: true, input.rows(block), into: gradient.weight.matrix,
                accumulate: true)
        }
    }

    /// The input's gradient alone.
    func backwardInput(
        outputGradient: Matrix, inputGradient: Matrix, accumulate: Bool = false, on runtime: Runtime
    ) throws(LensError) {
        try runtime.multiply(outputGradient, weight.matrix, into: inputGradient, accumulate: accumulate)
    }
}
