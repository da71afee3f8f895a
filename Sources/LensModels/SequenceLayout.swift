import LensKernels

/// How the tokens of a training sequence lie: documents one after the other, each of which sees itself alone, and the
/// positions by which queries and keys are rotated.
package struct SequenceLayout: Sendable, Equatable {
    /// Where the documents' tokens are.
    let spans: RowSpans
    /// The position of each token; nil counts from 0 in each document.
    let positions: [Int32]?
    /// Tokens for which the frequencies are made that depend on the length; nil for each document's own.
    let reach: Int?

    /// - Parameters:
    ///   - lengths: tokens of each document, at least 1 of each.
    ///   - positions: of each token, ascending within a document; nil counts from 0 in each document.
    ///   - reach: tokens for which `dynamic` and `longrope` make their frequencies, where positions are given.
    package init(lengths: [Int], positions: [Int32]? = nil, reach: Int? = nil) {
        precondition(!lengths.isEmpty && lengths.allSatisfy { $0 > 0 }, "documents have tokens")
        spans = RowSpans(lengths: lengths)
        precondition(positions == nil || positions?.count == spans.rows && reach != nil, "each token has a position")
        self.positions = positions
        self.reach = reach
    }

    /// One document, positions from 0.
    static func one(_ length: Int) -> SequenceLayout { SequenceLayout(lengths: [length]) }

    /// Whether it is one document, positions from 0.
    var isPlain: Bool { spans.count == 1 && positions == nil }

    /// For attention: nil for one document.
    var attentionSpans: RowSpans? { spans.count == 1 ? nil : spans }

    /// Predictions of tokens that begin a document, which nothing of it predicts.
    var boundaries: [Int] { spans.bounds.dropFirst().dropLast().map { $0 - 1 } }

    /// Predictions: none of the tokens with which documents begin.
    var predictionCount: Int { spans.rows - spans.count }
}
