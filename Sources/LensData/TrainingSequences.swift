import LensSupport

/// The sequences of a training run's documents: each of exactly `length` tokens of one document, or of at most as many of
/// whole documents that are packed. Holds the tokens, 4 bytes each.
public struct TrainingSequences: Sendable {
    private struct Stored: Sendable {
        var id: String
        var tokens: [Int32]
        /// Number of the first of its sequences among all.
        var firstSequence: Int
    }

    /// Tokens of a sequence; the most of one where documents are packed.
    public let length: Int
    /// Whether several documents share a sequence.
    public let packs: Bool
    /// Predictions of the shortest sequence.
    package private(set) var leastPredictionCount = Int.max
    /// Tokens of the longest document, or of what a sequence has of it.
    package private(set) var longestDocument = 0
    public private(set) var count = 0
    public private(set) var documentCount = 0
    /// Documents too short to give a sequence.
    public private(set) var shortDocumentCount = 0
    /// Tokens that no sequence holds: those of short documents and what is left at the end of the others.
    public private(set) var droppedTokenCount = 0
    /// Those left at the ends of documents that are long enough.
    public private(set) var tailTokenCount = 0
    /// Tokens of all documents.
    public private(set) var tokenCount = 0
    /// A fingerprint (FNV-1a, 64 bits) of the sequences, in order: a resumed run can tell that its data changed.
    public private(set) var digest: UInt64 = 0xCBF2_9CE4_8422_2325

    /// Bytes that the tokens and what tells their places take.
    public private(set) var byteCount = 0

    private let cutter: SequenceCutter
    private var documents: [Stored] = []
    /// The documents of each packed sequence, by their places in `documents`.
    private var packed: [[Int]] = []

    /// Reads and tokenizes every document.
    ///
    /// - Parameters:
    ///   - packs: let several documents share a sequence, each of which sees itself alone. None may be longer than `length`.
    ///   - check: called before each document; what it throws ends the reading.
    /// Throws what reading and encoding throw, and `.data` when no document gives a sequence.
    public init(
        _ reader: DocumentReader, encoder: DocumentEncoder, length: Int, packs: Bool = false,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) {
        try self.init(encoder: encoder, length: length, packs: packs) { () throws(LensError) in
            guard let next = try Self.next(reader, encoder) else { return nil }
            try check()
            return next
        }
    }

    /// Tokenizes documents that are in memory. Throws what encoding throws, and `.data` when no document gives a sequence.
    ///
    /// - Parameter packs: let several documents share a sequence, each of which sees itself alone.
    public init(
        documents: [Document], encoder: DocumentEncoder, length: Int, packs: Bool = false
    ) throws(LensError) {
        var rest = documents[...]
        try self.init(encoder: encoder, length: length, packs: packs) { () throws(LensError) in
            guard let document = rest.popFirst() else { return nil }
            return (document.id, try encoder.tokens(of: document))
        }
    }

    private init(
        encoder: DocumentEncoder, length: Int, packs: Bool,
        next: () throws(LensError) -> (id: String, tokens: [Int32])?
    ) throws(LensError) {
        guard length >= 2 else {
            throw .usage("A training context of \(length) tokens has no prediction; take 2 or more.")
        }
        self.length = length
        self.packs = packs
        cutter = SequenceCutter(length: length, bosToken: encoder.encoder.bosToken)
        var shortest = Int.max, longest = 0
        while let next = try next() {
            (shortest, longest) = (min(shortest, next.tokens.count), max(longest, next.tokens.count))
            if packs { try pack(next.tokens, id: next.id) } else { add(next.tokens, id: next.id) }
        }
        if packs { finishPacking() }
        guard count > 0 else {
            guard documentCount > 0 else { throw .data("There are no documents to train on.") }
            if packs { throw .data("No document has a token that another one of it predicts: 2 are the least.") }
            let lengths = shortest == longest ? "\(longest)" : "\(shortest) to \(longest)"
            throw .data(
                "No document is as long as the training context of \(length) tokens: \(documentCount) document"
                    + "\(documentCount == 1 ? " has" : "s have") \(lengths) tokens. Use longer documents, or a context of "
                    + "at most \(longest) tokens.")
        }
    }

    // The text is gone when this returns: a document's text and tokens need not be held beside their copy.
    private static func next(
        _ reader: DocumentReader, _ encoder: DocumentEncoder
    ) throws(LensError) -> (id: String, tokens: [Int32])? {
        guard let document = try reader.next() else { return nil }
        return (document.id, try encoder.tokens(of: document))
    }

    private mutating func add(_ tokens: [Int32], id: String) {
        documentCount += 1
        tokenCount += tokens.count
        let sequences = cutter.count(of: tokens)
        guard sequences > 0 else {
            shortDocumentCount += 1
            droppedTokenCount += tokens.count
            return
        }
        let used = tokens.count - cutter.droppedCount(of: tokens)
        droppedTokenCount += tokens.count - used
        tailTokenCount += tokens.count - used
        documents.append(Stored(id: id, tokens: Array(tokens[..<used]), firstSequence: count))
        count += sequences
        count(tokens[..<used], id: id, sequences: sequences)
        (leastPredictionCount, longestDocument) = (length - 1, length)
    }

    private mutating func count(_ tokens: ArraySlice<Int32>, id: String, sequences: Int) {
        byteCount += tokens.count * MemoryLayout<Int32>.stride + MemoryLayout<Stored>.stride + id.utf8.count + 64
        byteCount += sequences * MemoryLayout<Int>.stride  // their order
        for token in tokens { digest = (digest ^ UInt64(UInt32(bitPattern: token))) &* 0x100_0000_01B3 }
        digest = (digest ^ UInt64(sequences)) &* 0x100_0000_01B3
    }

    // MARK: Packing

    private mutating func pack(_ tokens: [Int32], id: String) throws(LensError) {
        documentCount += 1
        tokenCount += tokens.count
        guard tokens.count <= length else {
            throw .data(
                "The document \"\(id)\" has \(tokens.count) tokens, and a packed sequence at most \(length): documents are "
                    + "packed whole. Raise --context, cut the document, or train without --pack.")
        }
        guard tokens.count > 1 else {
            shortDocumentCount += 1
            droppedTokenCount += tokens.count
            return
        }
        documents.append(Stored(id: id, tokens: tokens, firstSequence: 0))
        longestDocument = max(longestDocument, tokens.count)
        count(tokens[...], id: id, sequences: 1)
    }

    private mutating func finishPacking() {
        packed = SequencePacking.sequences(of: documents.map(\.tokens.count), capacity: length)
        count = packed.count
        byteCount += documents.count * MemoryLayout<Int>.stride + packed.count * MemoryLayout<[Int]>.stride
        for n in 0..<count { leastPredictionCount = min(leastPredictionCount, predictionCount(of: n)) }
    }

    /// Tokens of sequence `n`.
    package func tokenCount(of n: Int) -> Int {
        packs ? packed[n].reduce(0) { $0 + documents[$1].tokens.count } : length
    }

    /// Predictions of sequence `n`: none of the token with which a document begins.
    package func predictionCount(of n: Int) -> Int { tokenCount(of: n) - (packs ? packed[n].count : 1) }

    /// Sequence `n` of all, in the order of the documents.
    package subscript(n: Int) -> TokenSequence {
        precondition(n >= 0 && n < count, "sequence \(n) of \(count)")
        if packs {
            return TokenSequence(packing: packed[n].map { (documents[$0].id, documents[$0].tokens) }, index: n)
        }
        var low = 0, high = documents.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if documents[middle].firstSequence <= n { low = middle } else { high = middle }
        }
        let document = documents[low], index = n - document.firstSequence
        return TokenSequence(
            document: document.id, index: index, tokens: cutter.sequence(index, of: document.tokens))
    }
}
