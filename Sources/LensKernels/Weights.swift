import CLongLens
import LensSupport

/// The weights [N, K] of a linear map, or a table of N rows, of the type that is computed with.
package enum Weights {
    /// Training owns these.
    case f32(Matrix)
    /// Products are of integers: the input is quantized to 8 bits in groups of 32, once for each product.
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
        switch weights {
        case .f32(let matrix):
            try multiply(input, matrix, transposeB: true, into: output, accumulate: accumulate)
        case .quantized(let matrix):
            precondition(input.columns == matrix.columns && output.rows == input.rows && output.columns == matrix.rows)
            try unsafe run { context in
                unsafe matrix.withDescription { weights in
                    unsafe lens_gemm_weights(
                        context, input.rows, accumulate, input.pointer, input.columns, weights, output.pointer,
                        output.columns)
                }
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
