import CLongLens
import LensSupport

/// The weights [N, K] of a linear map, or a table of N rows, of the type that is computed with.
package enum Weights {
    /// Training owns these.
    case f32(Matrix)
    /// Products are of the type's own (``TensorType/products``): of 8-bit integers, to which both sides are rounded, or of
    /// bf16.
    case stored(StoredMatrix)

    package var rows: Int {
        switch self {
        case .f32(let matrix): matrix.rows
        case .stored(let matrix): matrix.rows
        }
    }

    package var columns: Int {
        switch self {
        case .f32(let matrix): matrix.columns
        case .stored(let matrix): matrix.columns
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

    /// The same with several weights of one input, which is rounded once for all of the same products.
    package func multiply(
        _ input: Matrix, _ products: [(weights: Weights, output: Matrix)], accumulate: Bool = false
    ) throws(LensError) {
        var stored: [(weights: StoredMatrix, output: Matrix)] = []
        for product in products {
            precondition(
                input.columns == product.weights.columns && product.output.rows == input.rows
                    && product.output.columns == product.weights.rows)
            switch product.weights {
            case .f32(let matrix):
                try multiply(input, matrix, transposeB: true, into: product.output, accumulate: accumulate)
            case .stored(let matrix): stored.append((matrix, product.output))
            }
        }
        for kind in StoredProducts.allCases {
            let products = stored.filter { $0.weights.type.products == kind }
            if !products.isEmpty { try multiply(input, products, of: kind, accumulate: accumulate) }
        }
    }

    private func multiply(
        _ input: Matrix, _ stored: [(weights: StoredMatrix, output: Matrix)], of kind: StoredProducts, accumulate: Bool
    ) throws(LensError) {
        let weights = unsafe stored.map { unsafe $0.weights.description }
        try unsafe run { context in
            unsafe weights.withUnsafeBufferPointer { weights in
                let products = unsafe stored.indices.map { index in
                    let output = stored[index].output
                    return unsafe lens_weights_product(
                        W: weights.baseAddress?.advanced(by: index), C: output.pointer, ldc: output.columns)
                }
                let driver = unsafe kind == .bf16 ? lens_gemm_bf16 : lens_gemm_weights
                return unsafe driver(
                    context, input.rows, input.columns, accumulate, input.pointer, input.columns, products.count,
                    products)
            }
        }
    }

    /// The rows of `table` [V, C] that the tokens name: `output` [tokens.count, C]. Tokens must lie in the table.
    package func embed(_ tokens: [Int32], table: Weights, into output: Matrix) throws(LensError) {
        switch table {
        case .f32(let matrix): try embed(tokens, table: matrix, into: output)
        case .stored(let matrix):
            precondition(output.rows == tokens.count && output.columns == matrix.columns)
            for (index, token) in checked(tokens, in: nil, below: matrix.rows).enumerated() {
                unsafe matrix.read(row: Int(token), into: output.rows(index..<index + 1).elements)
            }
        }
    }

    /// The loss of each row of `hidden` [T, K] under the logits `hidden · weightsᵀ`, natural logarithm. No logit is stored.
    ///
    /// - Parameters:
    ///   - targets: the rows' targets, each a row of `weights`.
    ///   - losses: T elements.
    package func headLosses(
        _ hidden: Matrix, _ weights: StoredMatrix, targets: [Int32], into losses: Matrix
    ) throws(LensError) {
        let targets = checked(targets, in: nil, below: weights.rows)
        precondition(
            hidden.columns == weights.columns && targets.count == hidden.rows && losses.count == hidden.rows)
        let kind = weights.type.products
        try unsafe run(over: targets) { context, targets in
            unsafe weights.withDescription { weights in
                let driver = unsafe kind == .bf16 ? lens_head_losses_bf16 : lens_head_losses
                return unsafe driver(
                    context, hidden.rows, hidden.pointer, hidden.columns, weights, targets, losses.pointer)
            }
        }
    }
}
