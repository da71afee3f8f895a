import LensSupport

/// Tokens that are computed together: of one document, or of several that are packed one after the other, of which each
/// sees itself alone.
public struct TokenSequence: Sendable, Equatable {
    /// Id of the document; of packed ones, the first.
    public let document: String
    /// Its number within the document, from 0; of packed documents, among the packed sequences.
    public let index: Int
    public let tokens: [Int32]
    /// The tokens with which documents begin, ascending, the first one 0.
    public let documentStarts: [Int]
    /// Ids of packed documents; empty of one.
    private let packed: [String]

    /// Sequence `index` of the document of this id.
    public init(document: String, index: Int, tokens: [Int32]) {
        self.document = document
        self.index = index
        self.tokens = tokens
        documentStarts = [0]
        packed = []
    }

    /// Whole documents, at least one, packed one after the other.
    public init(packing documents: [(id: String, tokens: [Int32])], index: Int) {
        precondition(!documents.isEmpty && documents.allSatisfy { !$0.tokens.isEmpty }, "documents have tokens")
        document = documents[0].id
        self.index = index
        tokens = documents.flatMap(\.tokens)
        documentStarts = documents.dropLast().reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.tokens.count) }
        packed = documents.map(\.id)
    }

    /// Tokens of each document, in order.
    package var documentLengths: [Int] {
        zip(documentStarts, documentStarts.dropFirst() + [tokens.count]).map { $1 - $0 }
    }

    /// How many tokens are predicted: all but those with which documents begin.
    package var predictionCount: Int { tokens.count - documentStarts.count }

    /// The packed documents, each as it is alone; the sequence itself where nothing is packed.
    package var documents: [TokenSequence] {
        if packed.isEmpty { return [self] }
        return zip(packed, zip(documentStarts, documentLengths)).map { id, place in
            TokenSequence(document: id, index: 0, tokens: Array(tokens[place.0..<place.0 + place.1]))
        }
    }

    /// What belongs to the predictions of the whole sequence, `tokens.count - 1` values, from what belongs to those of each
    /// of ``documents``: `empty` stands where a document begins, which nothing predicts.
    package func joined<Value>(_ parts: [[Value]], empty: Value) -> [Value] {
        Array(parts.joined(separator: [empty]))
    }

    /// The values of the tokens that are predicted, without those where documents begin.
    package func predictions<Value>(_ values: [Value]) -> [Value] {
        if documentStarts.count == 1 { return values }
        var starts = documentStarts.dropFirst()[...]
        return values.enumerated().compactMap { prediction, value in
            guard starts.first == prediction + 1 else { return value }
            starts = starts.dropFirst()
            return nil
        }
    }

    /// For messages: `document a, sequence 3`, or the packed documents.
    package var name: String {
        guard let last = packed.last, packed.count > 1 else { return "document \(document), sequence \(index)" }
        return "packed sequence \(index) of \(packed.count) documents, \(document) to \(last)"
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
