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
    ///   - progress: told after each layer what share of the work is done; what it throws ends the work.
    package func windowedLosses(
        _ sequence: TokenSequence, plan: WindowPlan, bosToken: Int32?, known: [Float] = [],
        progress: (Double) throws(LensError) -> Void
    ) throws(LensError) -> [Float] {
        var result: [Float] = []
        var done = 0.0
        try withoutActuallyEscaping(progress) { (progress) throws(LensError) in
            let scoring = WindowScoring(batch: batch, bosToken: bosToken) { [self] (windows, part) throws(LensError) in
                // Of one sequence: from 0 to 1.
                let share = part.sequences
                afterLayer = { [layerCount] (layers) throws(LensError) in
                    let reached =
                        layers == layerCount
                        ? share.upperBound
                        : share.lowerBound + Double(layers) / Double(layerCount) * (share.upperBound - share.lowerBound)
                    // Windows of other rotary frequencies pass the layers once more.
                    done = max(done, reached)
                    try progress(done)
                }
                defer { afterLayer = nil }
                return try losses(of: windows)
            }
            scoring.afterSequence = { (_, _, losses) throws(LensError) in result = losses }
            try scoring.add(sequence, plan: plan, known: known)
            try scoring.finish()
        }
        return result
    }
}
