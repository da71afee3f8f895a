import LensData
import LensModels
import LensSupport

/// The losses of documents, cut into sequences, by position in the sequence.
public struct PerplexityEvaluation {
    public private(set) var losses = BucketedLosses()
    public private(set) var sequenceCount = 0
    private let encoder: DocumentEncoder
    private let cutter: SequenceCutter
    private let pass: InferencePass

    /// - Parameter bosToken: begins every sequence of a document that begins with it.
    public init(encoder: DocumentEncoder, pass: InferencePass, bosToken: Int32?) {
        self.encoder = encoder
        self.pass = pass
        cutter = SequenceCutter(length: pass.contextLength, bosToken: bosToken, keepLast: true)
    }

    /// Adds the losses of a document, the shorter last sequence too; at most `limit` sequences in all.
    /// `afterSequence` is called with their number so far.
    public mutating func add(
        _ document: Document, limit: Int = .max, afterSequence: (Int) -> Void = { _ in }
    ) throws(LensError) {
        for sequence in cutter.sequences(of: try encoder.tokens(of: document), document: document.id) {
            guard sequenceCount < limit else { return }
            for (index, loss) in try pass.losses(sequence.tokens).enumerated() { losses.add(loss, at: index + 1) }
            sequenceCount += 1
            afterSequence(sequenceCount)
        }
    }
}
