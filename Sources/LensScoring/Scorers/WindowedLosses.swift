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

    /// The losses of one sequence under a short context, see ``WindowScoring``: one fewer than there are tokens, and 0 where
    /// a packed document begins, which nothing predicts. Each packed document has windows of its own.
    ///
    /// - Parameters:
    ///   - context: most tokens of a window.
    ///   - stride: from one window's beginning to the next one's; nil for that of ``WindowPlan``.
    ///   - longOfFirstWindows: losses of all predictions, of which those of each document's first window are taken and not
    ///     computed again.
    ///   - progress: told after each layer what share of the work is done; what it throws ends the work.
    package func windowedLosses(
        _ sequence: TokenSequence, context: Int, stride: Int?, bosToken: Int32?, longOfFirstWindows: [Float]? = nil,
        progress: (Double) throws(LensError) -> Void
    ) throws(LensError) -> [Float] {
        let documents = sequence.documents
        var result: [[Float]] = []
        var done = 0.0
        try withoutActuallyEscaping(progress) { (progress) throws(LensError) in
            let scoring = WindowScoring(batch: batch, bosToken: bosToken) { [self] (windows, part) throws(LensError) in
                let (start, end) = (part.sequences.lowerBound, part.sequences.upperBound)
                afterLayer = { [layerCount] (layers) throws(LensError) in
                    let reached =
                        layers == layerCount ? end : start + Double(layers) / Double(layerCount) * (end - start)
                    // Windows of other rotary frequencies pass the layers once more.
                    done = max(done, reached)
                    try progress(done / Double(documents.count))
                }
                defer { afterLayer = nil }
                return try losses(of: windows)
            }
            scoring.afterSequence = { (_, _, losses) throws(LensError) in result.append(losses) }
            for (document, start) in zip(documents, sequence.documentStarts) {
                let plan = try WindowPlan(length: document.tokens.count, context: context, stride: stride)
                let known = longOfFirstWindows.map { Array($0[start..<start + plan[0].scored.count]) } ?? []
                try scoring.add(document, plan: plan, known: known)
            }
            try scoring.finish()
        }
        return sequence.joined(result, empty: 0)
    }
}
