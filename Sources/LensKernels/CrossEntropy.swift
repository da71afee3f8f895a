import CLongLens

/// The loss of each row of logits: `loss = logSumExp - logits[row, target]`, natural logarithm.
///
/// Exact also for very large and very small logits: the loss is not computed from the rounded log-sum-exp.
/// - Parameters:
///   - logits: [rows, V].
///   - targets: `targets[range]` are the rows' targets, each below V.
///   - loss, logSumExp: `rows` elements each.
public func crossEntropy(
    _ logits: Matrix, targets: [Int32], in range: Range<Int>? = nil, loss: Matrix, logSumExp: Matrix
) {
    let range = checkedRange(range, of: targets, below: logits.columns)
    precondition(range.count == logits.rows && loss.count == logits.rows && logSumExp.count == logits.rows)
    unsafe targets.withUnsafeBufferPointer { all in
        guard let start = all.baseAddress else { return }
        unsafe lens_cross_entropy_forward(
            loss.pointer, logSumExp.pointer, logits.pointer, start + range.lowerBound, logits.rows, logits.columns)
    }
}

/// Replaces `logits` [rows, V] by the gradient of the weighted loss:
/// `weight[row] * (exp(logits - logSumExp) - onehot(target))`.
///
/// - Parameters:
///   - targets: as in ``crossEntropy(_:targets:in:loss:logSumExp:)``.
///   - logSumExp: what the forward gave, `rows` elements.
///   - weights: `rows` elements; a row of weight 0 becomes zeros.
public func crossEntropyBackward(
    _ logits: Matrix, targets: [Int32], in range: Range<Int>? = nil, logSumExp: Matrix, weights: Matrix
) {
    let range = checkedRange(range, of: targets, below: logits.columns)
    precondition(range.count == logits.rows && weights.count == logits.rows && logSumExp.count == logits.rows)
    unsafe targets.withUnsafeBufferPointer { all in
        guard let start = all.baseAddress else { return }
        unsafe lens_cross_entropy_backward(
            logits.pointer, logSumExp.pointer, start + range.lowerBound, weights.pointer, logits.rows, logits.columns)
    }
}
