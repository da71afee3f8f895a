import LensSupport

/// What the journal of a run of scoring holds.
package struct KeptScores: Sendable, Equatable, CustomStringConvertible {
    /// A sequence of which not all windows are done.
    package struct Unfinished: Sendable, Equatable {
        package var document: String
        package var sequence: Int
        /// So many of its first tokens are done, out of so many.
        package var tokenCount, length: Int

        package init(document: String, sequence: Int, tokenCount: Int, length: Int) {
            self.document = document
            self.sequence = sequence
            self.tokenCount = tokenCount
            self.length = length
        }
    }

    /// Finished sequences.
    package var sequenceCount: Int
    package var unfinished: Unfinished?

    package init(sequenceCount: Int, unfinished: Unfinished? = nil) {
        self.sequenceCount = sequenceCount
        self.unfinished = unfinished
    }

    package var isEmpty: Bool { sequenceCount == 0 && unfinished == nil }

    /// `2 finished sequences and the first 4096 of 9000 tokens of sequence 0 of document "book"`.
    package var description: String {
        var parts: [String] = []
        if sequenceCount > 0 || unfinished == nil { parts.append(describeCount(sequenceCount, "finished sequence")) }
        if let unfinished {
            parts.append(
                "the first \(unfinished.tokenCount) of \(unfinished.length) tokens of sequence \(unfinished.sequence) of "
                    + "document \"\(unfinished.document)\"")
        }
        return parts.joined(separator: " and ")
    }
}
