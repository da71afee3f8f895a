import CLongLens
import LensSupport

/// The weights [N, K] of a linear map, or a table of N rows, of the type that is computed with.
package enum Weights {
    /// Training owns these.
    case f32(Matrix)
    /// Products are of 8-bit integers, to which both sides are rounded.
    case quantized(QuantizedMatrix)

    package var rows: Int {
        switch self {
        case .f32(let matrix): matrix.rows
        case .quantized(let matrix): matrix.rows
        }
    }

    package var columns: Int {
        switch self {
        case .f32(let matrix): matrix.columns
        case .quantized(let matrix): matrix.columns
        }
    }

    /// The fp32 matrix, which alone has gradients: asking for it of other weights is a programmer's error.
    package var matrix: Matrix {
        guard case .f32(let matrix) = self else { preconditionFailure("gradients are of fp32 weights") }
        return matrix
    }
}

extension Runtime {
    /// `output = input · weightsᵀ`, or `output += input · weightsᵀ` when `accumulate`: input [T, K], weights [N, K],
    /// output [T, N], which must not overlap the input.
    ///
    /// An element's bits depend on its row, its column and K alone: not on T, N, the number of threads, or whether the
    /// weights are packed.
    package func multiply(
        _ input: Matrix, _ weights: Weights, into output: Matrix, accumulate: Bool = false
    ) throws(LensError) {
        try multiply(input, [(weights, output)], accumulate: accumulate)
    }

    /// The same with several weights of one input, which is rounded once for all that are quantized.
    package func multiply(
        _ input: Matrix, _ products: [(weights: Weights, output: Matrix)], accumulate: Bool = false
    ) throws(LensError) {
        var quantized: [(QuantizedMatrix, Matrix)] = []
        for product in products {
            precondition(
                input.columns == product.weights.columns && product.output.rows == input.rows
                    && product.output.columns == product.weights.rows)
            switch product.weights {
            case .f32(let matrix):
                try multiply(input, matrix, transposeB: true, into: product.output, accumulate: accumulate)
            case .quantized(let matrix): quantized.append((matrix, product.output))
            }
        }
        if quantized.isEmpty { return }
        let weights = unsafe quantized.map { unsafe $0.0.description }
        try unsafe run { context in
            unsafe weights.withUnsafeBufferPointer { weights in
                let products = unsafe quantized.indices.map { index in
                    let output = quantized[index].1
                    return unsafe lens_weights_product(
                        W: weights.baseAddress?.advanced(by: index), C: output.pointer, ldc: output.columns)
                }
                return unsafe lens_gemm_weights(
                    context, input.rows, input.columns, accumulate, input.pointer, input.columns, products.count,
                    products)
            }
        }
    }

    /// The rows of `table` [V, C] that the tokens name: `output` [tokens.count, C]. Tokens must lie in the table.
    package func embed(_ tokens: [Int32], table: Weights, into output: Matrix) throws(LensError) {
        switch table {
        case .f32(let matrix): try embed(tokens, table: matrix, into: output)
        case .quantized(let matrix):
            precondition(output.rows == tokens.count && output.columns == matrix.columns)
            for (index, token) in checked(tokens, in: nil, below: matrix.rows).enumerated() {
                unsafe matrix.read(row: Int(token), into: output.rows(index..<index + 1).elements)
            }
        }
    }

    /// The loss of each row of `hidden` [T, K] under the logits `hidden · weightsᵀ`, natural logarithm. No logit is stored.
    ///
    /// - Parameters:
    ///   - targets: `targets[range]` are the rows' targets, each a row of `weights`.
    ///   - losses: T elements.
    package func headLosses(
        _ hidden: Matrix, _ weights: QuantizedMatrix, targets: [Int32], in range: Range<Int>, into losses: Matrix
    ) throws(LensError) {
        let targets = checked(targets, in: range, below: weights.rows)
        precondition(
            hidden.columns == weights.columns && targets.count == hidden.rows && losses.count == hidden.rows)
        try unsafe run(over: targets) { context, targets in
            unsafe weights.withDescription { weights in
                unsafe lens_head_losses(
                    context, hidden.rows, hidden.pointer, hidden.columns, weights, targets, losses.pointer)
            }
        }
    }
}
