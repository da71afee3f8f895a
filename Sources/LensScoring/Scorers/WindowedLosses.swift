import LensModels
import LensSupport

/// The losses of predictions `first`… of a window's tokens, where prediction i is of token i + 1: what a model's pass gives.
package typealias WindowLosses = (_ tokens: [Int32], _ first: Int) throws(LensError) -> [Float]

extension InferencePass {
    /// The losses of `tokens`. `.data` when one is not finite.
    func finiteLosses(_ tokens: [Int32]) throws(LensError) -> [Float] {
        let losses = try losses(tokens)
        for (index, loss) in losses.enumerated() { try checkFinite(loss, token: index + 1) }
        return losses
    }
}

private func checkFinite(_ loss: Float, token: Int) throws(LensError) {
    guard loss.isFinite else {
        throw .data("The model gives token \(token) the loss \(loss), which is not finite; is the model damaged?")
    }
}

/// The losses of a document under a short context, window by window.
///
/// - Parameters:
///   - tokens: the document's tokens, as many as the plan's length.
///   - losses: of one window.
///   - bosToken: the model's beginning of sequence. Where the document begins with it, so does every window, in place of
///     the window's first token.
///   - known: the losses of the first windows, which are not computed again.
///   - afterWindow: called with the losses of each window that was computed; what it throws ends the scoring.
/// - Returns: one loss fewer than there are tokens. Throws `.data` when the scorer gives a loss that is not finite.
package func windowedLosses(
    _ tokens: [Int32], plan: WindowPlan, bosToken: Int32?, known: [Float] = [], losses: WindowLosses,
    afterWindow: ([Float]) throws(LensError) -> Void = { (_) throws(LensError) in }
) throws(LensError) -> [Float] {
    precondition(tokens.count == plan.length, "the plan must be made for the document's length")
    guard let windowCount = plan.windowCount(ofLosses: known.count) else {
        preconditionFailure("the known losses must be those of whole windows")
    }
    var result = known + Array(repeating: Float.nan, count: tokens.count - 1 - known.count)
    let beginsWithBOS = bosToken != nil && tokens.first == bosToken
    for k in windowCount..<plan.count {
        let window = plan[k]
        guard !window.scored.isEmpty else { continue }
        var held = Array(tokens[window.tokens])
        if beginsWithBOS { held[0] = tokens[0] }

        let scored = try losses(held, window.scored.lowerBound - window.tokens.lowerBound - 1)
        precondition(scored.count == window.scored.count, "one loss for each prediction")
        for (token, loss) in zip(window.scored, scored) {
            try checkFinite(loss, token: token)
            result[token - 1] = loss
        }
        try afterWindow(scored)
    }
    return result
}
