import CLongLens
import LensSupport

extension Runtime {
    /// Row `tokens[t]` of `table` [V, C] for every token of `range`: `output` [range.count, C].
    ///
    /// Tokens must lie in the table.
    package func embed(_ tokens: [Int32], in range: Range<Int>? = nil, table: Matrix, into output: Matrix)
        throws(LensError)
    {
        let range = checkedRange(range, of: tokens, below: table.rows)
        precondition(output.rows == range.count && output.columns == table.columns)
        guard !range.isEmpty else { return }
        try unsafe run { context in
            unsafe tokens[range].withUnsafeBufferPointer { tokens in
                unsafe lens_embedding_forward(
                    context, tokens.count, table.columns, table.pointer, tokens.baseAddress, output.pointer)
            }
        }
    }

    /// The gradient of ``embed(_:in:table:into:)``: adds row t of `outputGradient` [range.count, C] to row `tokens[t]` of
    /// `tableGradient` [V, C], tokens in order.
    package func embedBackward(
        _ outputGradient: Matrix, tokens: [Int32], in range: Range<Int>? = nil, tableGradient: Matrix
    ) throws(LensError) {
        let range = checkedRange(range, of: tokens, below: tableGradient.rows)
        precondition(outputGradient.rows == range.count && outputGradient.columns == tableGradient.columns)
        guard !range.isEmpty else { return }
        try unsafe run { context in
            unsafe tokens[range].withUnsafeBufferPointer { tokens in
                unsafe lens_embedding_backward(
                    context, tokens.count, tableGradient.columns, outputGradient.pointer, tokens.baseAddress,
                    tableGradient.pointer)
            }
        }
    }
}

/// `range`, or all of `tokens`, after checking that those tokens lie in 0 ..< `bound`.
func checkedRange(_ range: Range<Int>?, of tokens: [Int32], below bound: Int) -> Range<Int> {
    let range = range ?? 0..<tokens.count
    precondition(range.lowerBound >= 0 && range.upperBound <= tokens.count, "range past the tokens")
    let allInside = tokens[range].allSatisfy { $0 >= 0 && Int($0) < bound }
    precondition(allInside, "token past the vocabulary")
    return range
}
