import CLongLens
import LensSupport

extension Runtime {
    /// The loss of each row of logits: `loss = logSumExp - logits[row, target]`, natural logarithm.
    ///
    /// Exact also for very large and very small logits: the loss is not computed from the rounded log-sum-exp.
    /// - Parameters:
    ///   - logits: [rows, V].
    ///   - targets: `targets[range]` are the rows' targets, each below V.
    ///   - loss, logSumExp: `rows` elements each.
    package func crossEntropy(
        _ logits: Matrix, targets: [Int32], in range: Range<Int>? = nil, loss: Matrix, logSumExp: Matrix
    ) throws(LensError) {
        let targets = checked(targets, in: range, below: logits.columns)
        precondition(targets.count == logits.rows && loss.count == logits.rows && logSumExp.count == logits.rows)
        try unsafe run(over: targets) { context, targets in
            unsafe lens_cross_entropy_forward(
                context, logits.rows, logits.columns, logits.pointer, targets, loss.pointer, logSumExp.pointer)
        }
    }

    /// Replaces `logits` [rows, V] by the gradient of the weighted loss:
    /// `weight[row] * (exp(logits - logSumExp) - onehot(target))`.
    ///
    /// - Parameters:
    ///   - targets: as in ``crossEntropy(_:targets:in:loss:logSumExp:)``.
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
