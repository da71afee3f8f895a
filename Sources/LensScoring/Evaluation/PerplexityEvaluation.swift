import LensData
import LensModels
import LensSupport

/// The losses of documents, cut into sequences, by position in the sequence.
package final class PerplexityEvaluation {
    package private(set) var losses = BucketedLosses()
    /// Sequences that are measured.
    package private(set) var sequenceCount = 0
    /// Those that were added: some may wait, to be computed together with others.
    package private(set) var addedCount = 0
    /// Called with all losses of each sequence once they are counted.
    package var afterSequence: (TokenSequence, [Float]) throws(LensError) -> Void = { (_, _) throws(LensError) in }
    private let encoder: DocumentEncoder
    private let cutter: SequenceCutter
    private let scoring: WindowScoring

    /// - Parameters:
    ///   - bosToken: begins every sequence of a document that begins with it.
    ///   - beforeBatch: called with what is computed next; what it throws ends the work.
    package init(
        encoder: DocumentEncoder, pass: InferencePass, bosToken: Int32?,
        beforeBatch: @escaping (WorkPart) throws(LensError) -> Void = { (_) throws(LensError) in }
    ) {
        self.encoder = encoder
        cutter = SequenceCutter(length: pass.contextLength, bosToken: bosToken, keepLast: true)
        scoring = WindowScoring(batch: pass.batch, bosToken: bosToken) { (windows, part) throws(LensError) in
            try beforeBatch(part)
            return try pass.losses(of: windows)
        }
        scoring.afterSequence = { [unowned self] (sequence, _, losses) throws(LensError) in
            for (index, loss) in losses.enumerated() { self.losses.add(loss, at: index + 1) }
            sequenceCount += 1
            try afterSequence(sequence, losses)
        }
    }

    /// Adds a document, the shorter last sequence too; at most `limit` sequences in all. ``finish()`` computes the last ones.
    ///
    /// `.data` when a loss is not finite.
    ///
    /// - Parameter bytes: which of the input it is.
    package func add(_ document: Document, bytes: Range<Double> = 0..<0, limit: Int = .max) throws(LensError) {
        let tokens = try scoring.finishing { () throws(LensError) in try encoder.tokens(of: document) }
        let count = cutter.count(of: tokens)
        let size = (bytes.upperBound - bytes.lowerBound) / Double(max(1, count))
        // Cut one at a time: beside its tokens, a document of any length takes no more than what waits to be computed.
        for index in 0..<count where addedCount < limit {
            let sequence = TokenSequence(
                document: document.id, index: index, tokens: cutter.sequence(index, of: tokens))
            addedCount += 1
            let start = bytes.lowerBound + Double(index) * size
            try scoring.add(
                sequence, plan: WindowPlan(length: sequence.tokens.count, context: cutter.length),
                bytes: start..<start + size)
        }
    }

    /// Computes what was added and waits.
    package func finish() throws(LensError) { try scoring.finish() }

    /// What `work` gives, see ``WindowScoring/finishing(beforeErrorOf:)``.
    package func finishing<Result>(beforeErrorOf work: () throws(LensError) -> Result) throws(LensError) -> Result {
        try scoring.finishing(beforeErrorOf: work)
    }
}
