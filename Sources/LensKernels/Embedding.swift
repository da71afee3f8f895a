import CLongLens
import LensSupport

extension Runtime {
    /// Row `tokens[t]` of `table` [V, C] for every token of `range`: `output` [range.count, C].
    ///
    /// Tokens must lie in the table.
    package func embed(_ tokens: [Int32], in range: Range<Int>? = nil, table: Matrix, into output: Matrix)
        throws(LensError)
    {
        let tokens = checked(tokens, in: range, below: table.rows)
        precondition(output.rows == tokens.count && output.columns == table.columns)
        try unsafe run(over: tokens) { context, tokens in
            unsafe lens_embedding_forward(context, output.rows, table.columns, table.pointer, tokens, output.pointer)
        }
    }

    /// The gradient of ``embed(_:in:table:into:)``: adds row t of `outputGradient` [range.count, C] to row `tokens[t]` of
    /// `tableGradient` [V, C], tokens in order.
    package func embedBackward(
        _ outputGradient: Matrix, tokens: [Int32], in range: Range<Int>? = nil, tableGradient: Matrix
    ) throws(LensError) {
        let tokens = checked(tokens, in: range, below: tableGradient.rows)
        precondition(outputGradient.rows == tokens.count && outputGradient.columns == tableGradient.columns)
        try unsafe run(over: tokens) { context, tokens in
            unsafe lens_embedding_backward(
                context, outputGradient.rows, tableGradient.columns, outputGradient.pointer, tokens,
                tableGradient.pointer)
        }
    }

    /// Runs a driver over a row for each token; none where there are none.
    func run(
        over tokens: ArraySlice<Int32>, _ driver: (OpaquePointer, UnsafePointer<Int32>) -> lens_status
    ) throws(LensError) {
        try unsafe run { context in
            unsafe tokens.withUnsafeBufferPointer { tokens in
                guard let start = tokens.baseAddress, !tokens.isEmpty else { return LENS_OK }
                return unsafe driver(context, start)
            }
        }
    }
}

/// The tokens of `range`, or all, after checking that they lie in 0 ..< `bound`.
func checked(_ tokens: [Int32], in range: Range<Int>?, below bound: Int) -> ArraySlice<Int32> {
    let range = range ?? 0..<tokens.count
    precondition(range.lowerBound >= 0 && range.upperBound <= tokens.count, "range past the tokens")
    let allInside = tokens[range].allSatisfy { $0 >= 0 && Int($0) < bound }
    precondition(allInside, "token past the vocabulary")
    return tokens[range]
}
