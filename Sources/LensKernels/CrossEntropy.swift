import CLongLens
import LensSupport

extension Runtime {
    /// The loss of each row of `hidden` [T, K] under the logits `hidden · weightsᵀ`, natural logarithm:
    /// `loss = logSumExp - logits[row, target]`. Logits exist a few at a time.
    ///
    /// Exact also for very large and very small logits: the loss is not computed from the rounded log-sum-exp. The bits of
    /// a row depend neither on the others nor on what is stored.
    /// - Parameters:
    ///   - weights: [V, K].
    ///   - targets: `targets[range]` are the rows' targets, each below V.
    ///   - losses: T elements.
    ///   - logSumExp: T elements, for the backward, or nil.
    ///   - logits: where all are stored, [T, V], or nil.
    package func headLosses(
        _ hidden: Matrix, _ weights: Matrix, targets: [Int32], in range: Range<Int>? = nil, into losses: Matrix,
        logSumExp: Matrix? = nil, logits: Matrix? = nil
    ) throws(LensError) {
        let targets = checked(targets, in: range, below: weights.rows)
        precondition(
            hidden.columns == weights.columns && targets.count == hidden.rows && losses.count == hidden.rows)
        precondition(logSumExp == nil || logSumExp?.count == hidden.rows)
        precondition(logits == nil || logits?.rows == hidden.rows && logits?.columns == weights.rows)
        try unsafe run(over: targets) { context, targets in
            unsafe lens_head_losses_f32(
                context, hidden.rows, weights.rows, weights.columns, hidden.pointer, hidden.columns, weights.pointer,
                targets, losses.pointer, logSumExp?.pointer, logits?.pointer)
        }
    }

    /// Replaces `logits` [rows, V] by the gradient of the weighted loss:
    /// `weight[row] * (exp(logits - logSumExp) - onehot(target))`.
    ///
    /// - Parameters:
    ///   - targets: as in ``headLosses(_:_:targets:in:into:logSumExp:logits:)``.
    ///   - logSumExp: what the forward gave, `rows` elements.
    ///   - weights: `rows` elements; a row of weight 0 becomes zeros.
    package func crossEntropyBackward(
        _ logits: Matrix, targets: [Int32], in range: Range<Int>? = nil, logSumExp: Matrix, weights: Matrix
    ) throws(LensError) {
        let targets = checked(targets, in: range, below: logits.columns)
        precondition(targets.count == logits.rows && weights.count == logits.rows && logSumExp.count == logits.rows)
        try unsafe run(over: targets) { context, targets in
            unsafe lens_cross_entropy_backward(
                context, logits.rows, logits.columns, targets, logSumExp.pointer, weights.pointer, logits.pointer)
        }
    }
}
