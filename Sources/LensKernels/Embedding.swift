import CLongLens

/// Row `tokens[t]` of `table` [V, C] for every token of `range`: `output` [range.count, C].
///
/// Tokens must lie in the table.
public func embed(_ tokens: [Int32], in range: Range<Int>? = nil, table: Matrix, into output: Matrix) {
    let range = checkedRange(range, of: tokens, below: table.rows)
    precondition(output.rows == range.count && output.columns == table.columns)
    unsafe tokens.withUnsafeBufferPointer { all in
        guard let start = all.baseAddress else { return }
        unsafe lens_embedding_forward(
            output.pointer, table.pointer, start + range.lowerBound, range.count, table.columns)
    }
}

/// The gradient of ``embed(_:in:table:into:)``: adds row t of `outputGradient` [range.count, C] to row `tokens[t]` of
/// `tableGradient` [V, C], tokens in order.
public func embedBackward(
    _ outputGradient: Matrix, tokens: [Int32], in range: Range<Int>? = nil, tableGradient: Matrix
) {
    let range = checkedRange(range, of: tokens, below: tableGradient.rows)
    precondition(outputGradient.rows == range.count && outputGradient.columns == tableGradient.columns)
    unsafe tokens.withUnsafeBufferPointer { all in
        guard let start = all.baseAddress else { return }
        unsafe lens_embedding_backward(
            tableGradient.pointer, outputGradient.pointer, start + range.lowerBound, range.count,
            tableGradient.columns)
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
