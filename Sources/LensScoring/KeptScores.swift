/// What the journal of a run of scoring holds.
public struct KeptScores: Sendable, Equatable, CustomStringConvertible {
    /// A sequence of which not all windows are done.
    public struct Unfinished: Sendable, Equatable {
        public var document: String
        public var sequence: Int
        /// So many of its first tokens are done, out of so many.
        public var tokenCount, length: Int

        public init(document: String, sequence: Int, tokenCount: Int, length: Int) {
            self.document = document
            self.sequence = sequence
            self.tokenCount = tokenCount
            self.length = length
        }
    }

    /// Finished sequences.
    public var sequenceCount: Int
    public var unfinished: Unfinished?

    public init(sequenceCount: Int, unfinished: Unfinished? = nil) {
        self.sequenceCount = sequenceCount
        self.unfinished = unfinished
    }

    public var isEmpty: Bool { sequenceCount == 0 && unfinished == nil }

    /// `2 finished sequences and the first 4096 of 9000 tokens of sequence 0 of document "book"`.
    public var description: String {
        var parts: [String] = []
        if sequenceCount > 0 || unfinished == nil { parts.append(describeCount(sequenceCount)) }
        if let unfinished {
            parts.append(
                "the first \(unfinished.tokenCount) of \(unfinished.length) tokens of sequence \(unfinished.sequence) of "
                    + "document \"\(unfinished.document)\"")
        }
        return parts.joined(separator: " and ")
    }
}

/// `1 finished sequence`, `12 finished sequences`.
func describeCount(_ count: Int) -> String { "\(count) finished sequence\(count == 1 ? "" : "s")" }
