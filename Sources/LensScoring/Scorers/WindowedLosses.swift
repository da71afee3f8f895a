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
    ///   - progress: told what share of the work is done, after each layer and each window; what it throws ends the work.
    package func windowedLosses(
        _ sequence: TokenSequence, plan: WindowPlan, bosToken: Int32?, known: [Float] = [],
        progress: (Double) throws(LensError) -> Void
    ) throws(LensError) -> [Float] {
        var result: [Float] = []
        var windows = plan.windowCount(ofLosses: known.count) ?? 0
        var told = -1.0
        try withoutActuallyEscaping(progress) { (progress) throws(LensError) in
            // The layers of several windows are done before the first of these windows is.
            func tell(_ share: Double) throws(LensError) {
                guard share > told else { return }
                told = share
                try progress(share)
            }
            let scoring = WindowScoring(batch: batch, bosToken: bosToken) { [self] (windows, part) throws(LensError) in
                // Of one sequence: its share from 0 to 1.
                let (start, size) = (part.sequences.lowerBound, part.sequences.upperBound - part.sequences.lowerBound)
                afterLayer = { [layerCount] (layers) throws(LensError) in
                    if layers < layerCount { try tell(start + size * Double(layers) / Double(layerCount)) }
                }
                defer { afterLayer = nil }
                return try losses(of: windows)
            }
            scoring.afterWindow = { (_, _) throws(LensError) in
                windows += 1
                try tell(Double(windows) / Double(plan.count))
            }
            scoring.afterSequence = { (_, _, losses) throws(LensError) in result = losses }
            try scoring.add(sequence, plan: plan, known: known)
            try scoring.finish()
        }
        return result
    }
}
