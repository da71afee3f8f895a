import LensData
import LensModels
import LensSupport

extension InferencePass {
    /// The losses of `tokens`. `.data` when one is not finite.
    func finiteLosses(_ tokens: [Int32]) throws(LensError) -> [Float] {
        let losses = try losses(tokens)
        for (index, loss) in losses.enumerated() { try checkFinite(loss, token: index + 1) }
        return losses
    }

    /// The losses of one sequence under a short context, see ``WindowScoring``: one fewer than there are tokens.
    ///
    /// - Parameters:
    ///   - known: the losses of the first windows, which are not computed again.
    ///   - progress: told what share of the windows is done.
    func windowedLosses(
        _ sequence: TokenSequence, plan: WindowPlan, bosToken: Int32?, known: [Float] = [],
        progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        var result: [Float] = []
        var windows = plan.windowCount(ofLosses: known.count) ?? 0
        try withoutActuallyEscaping(progress) { (progress) throws(LensError) in
            let scoring = WindowScoring(batch: batch, bosToken: bosToken) { [self] (windows, _) throws(LensError) in
                try losses(of: windows)
            }
            scoring.afterWindow = { (_, _) throws(LensError) in
                windows += 1
                progress(Double(windows) / Double(plan.count))
            }
            scoring.afterSequence = { (_, _, losses) throws(LensError) in result = losses }
            try scoring.add(sequence, plan: plan, known: known)
            try scoring.finish()
        }
        return result
    }
}
