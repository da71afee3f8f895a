/// Tokens of one document that are seen together.
public struct TokenSequence: Sendable, Equatable {
    /// Id of the document.
    public var document: String
    /// Its number within the document, from 0.
    public var index: Int
    public var tokens: [Int32]

    /// Sequence `index` of the document of this id.
    public init(document: String, index: Int, tokens: [Int32]) {
        self.document = document
        self.index = index
        self.tokens = tokens
    }
}

/// Cuts documents into sequences of a fixed length.
///
/// Where the document begins with BOS, every sequence does: BOS and the next length − 1 tokens (as in Helm, Daheim and
/// Gurevych). Otherwise a sequence is the next `length` tokens. What is left at the end is dropped, or kept as a shorter
/// sequence when it holds a prediction.
package struct SequenceCutter: Sendable, Equatable {
    /// Tokens of a sequence, at least 2.
    package let length: Int
    package let bosToken: Int32?
    package let keepLast: Bool

    package init(length: Int, bosToken: Int32?, keepLast: Bool = false) {
        precondition(length >= 2, "a sequence of fewer than 2 tokens has no prediction")
        self.length = length
        self.bosToken = bosToken
        self.keepLast = keepLast
    }

    /// How many sequences a document gives.
    package func count(of tokens: [Int32]) -> Int {
        let start = repeatedCount(of: tokens)
        let body = tokens.count - start, step = length - start
        let keepsRest = keepLast && body % step + start >= 2
        return body / step + (keepsRest ? 1 : 0)
    }

    /// How many tokens of a document no sequence has.
    package func droppedCount(of tokens: [Int32]) -> Int {
        let sequences = count(of: tokens), start = repeatedCount(of: tokens)
        guard sequences > 0 else { return tokens.count }
        return max(0, tokens.count - start - sequences * (length - start))
    }

    /// Sequence `index` of a document.
    package func sequence(_ index: Int, of tokens: [Int32]) -> [Int32] {
        let start = repeatedCount(of: tokens), step = length - start
        let first = start + index * step
        return Array(tokens[..<start] + tokens[first..<min(first + step, tokens.count)])
    }

    /// All sequences of a document.
    package func sequences(of tokens: [Int32], document: String) -> [TokenSequence] {
        (0..<count(of: tokens)).map { TokenSequence(document: document, index: $0, tokens: sequence($0, of: tokens)) }
    }

    /// How many of the first tokens begin every sequence: 1 where the document begins with BOS, else 0.
    func repeatedCount(of tokens: [Int32]) -> Int { bosToken != nil && tokens.first == bosToken ? 1 : 0 }
}
