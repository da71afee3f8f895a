import LensData
import LensModels
import LensSupport

/// The losses of documents, cut into sequences, by position in the sequence.
package struct PerplexityEvaluation {
    package private(set) var losses = BucketedLosses()
    package private(set) var sequenceCount = 0
    private let encoder: DocumentEncoder
    private let cutter: SequenceCutter
    private let pass: InferencePass

    /// - Parameter bosToken: begins every sequence of a document that begins with it.
    package init(encoder: DocumentEncoder, pass: InferencePass, bosToken: Int32?) {
        self.encoder = encoder
        self.pass = pass
        cutter = SequenceCutter(length: pass.contextLength, bosToken: bosToken, keepLast: true)
    }

    /// Adds the losses of a document, the shorter last sequence too; at most `limit` sequences in all.
    ///
    /// `.data` when a loss is not finite.
    ///
    /// - Parameter beforeSequence: called with each sequence and how many the document has; what it throws ends the work.
    package mutating func add(
        _ document: Document, limit: Int = .max,
        beforeSequence: (TokenSequence, Int) throws(LensError) -> Void = { (_, _) throws(LensError) in }
    ) throws(LensError) {
        let sequences = cutter.sequences(of: try encoder.tokens(of: document), document: document.id)
        for sequence in sequences {
            guard sequenceCount < limit else { return }
            try beforeSequence(sequence, sequences.count)
            for (index, loss) in try pass.finiteLosses(sequence.tokens).enumerated() { losses.add(loss, at: index + 1) }
            sequenceCount += 1
        }
    }
}
