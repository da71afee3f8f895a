import LensSupport

/// Something that gives the loss of every token of a short sequence: a model's inference pass.
public protocol TokenScorer {
    /// The negative natural logs of the probabilities of tokens 1, 2, … of `tokens`: one fewer than there are tokens.
    func losses(_ tokens: [Int32]) throws(LensError) -> [Float]
    /// Those of predictions `first`… alone. Worth implementing where the rest then need not be computed.
    func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float]
}

extension TokenScorer {
    public func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        Array(try losses(tokens).dropFirst(first))
    }

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
///   - bosToken: the model's beginning of sequence. Where the document begins with it, so does every window, in place of
///     the window's first token.
///   - known: the losses of the first windows, which are not computed again.
///   - afterWindow: called with the losses of each window that was computed; what it throws ends the scoring.
/// - Returns: one loss fewer than there are tokens. Throws `.data` when the scorer gives a loss that is not finite.
public func windowedLosses(
    _ tokens: [Int32], plan: WindowPlan, scorer: any TokenScorer, bosToken: Int32?, known: [Float] = [],
    afterWindow: ([Float]) throws(LensError) -> Void = { (_) throws(LensError) in }
) throws(LensError) -> [Float] {
    guard let windowCount = plan.windowCount(ofLosses: known.count) else {
        preconditionFailure("the known losses must be those of whole windows")
    }
    var losses = known + Array(repeating: Float.nan, count: tokens.count - 1 - known.count)
    try fill(&losses, windows: windowCount..<plan.count, tokens, plan, scorer, bosToken, afterWindow)
    return losses
}

/// The short losses of a model that scores itself while it trains (the paper's unfrozen variant).
///
/// Tokens 1 … C − 1 have the same context either way: their losses are taken from `long` and window 0 is not computed.
/// (The released code takes one token more.) Where the document is not longer than the plan's context, that is all of it.
///
/// - Parameter long: the losses of the same tokens under the whole context, by the same weights.
public func shortLosses(
    selfScoring long: [Float], tokens: [Int32], plan: WindowPlan, scorer: any TokenScorer, bosToken: Int32?,
    afterWindow: () throws(LensError) -> Void = {}
) throws(LensError) -> [Float] {
    precondition(long.count == tokens.count - 1, "the long losses must be those of the tokens")
    var losses = long
    try fill(&losses, windows: 1..<plan.count, tokens, plan, scorer, bosToken) { (_) throws(LensError) in
        try afterWindow()
    }
    return losses
}

private func fill(
    _ losses: inout [Float], windows: Range<Int>, _ tokens: [Int32], _ plan: WindowPlan, _ scorer: any TokenScorer,
    _ bosToken: Int32?, _ afterWindow: ([Float]) throws(LensError) -> Void
) throws(LensError) {
    precondition(tokens.count == plan.length, "the plan must be made for the document's length")
    let beginsWithBOS = bosToken != nil && tokens.first == bosToken
    for k in windows {
        let window = plan[k]
        guard !window.scored.isEmpty else { continue }
        var held = Array(tokens[window.tokens])
        if beginsWithBOS { held[0] = tokens[0] }

        let result = try scorer.losses(held, from: window.scored.lowerBound - window.tokens.lowerBound - 1)
        precondition(result.count == window.scored.count, "a scorer gives one loss for each prediction")
        for (token, loss) in zip(window.scored, result) {
            try checkFinite(loss, token: token)
            losses[token - 1] = loss
        }
        try afterWindow(result)
    }
}
