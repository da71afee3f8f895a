import LensSupport

/// What an encoding call works with besides the tokenizer's tables; reused from call to call.
struct EncodingSession: Sendable {
    var output: [Int32] = []
    var cache = WordCache()
    var merger = PairMerger()
    var symbols: [Int32] = []
    let regex = RegexScratch()
    var budget = DocumentBudget()
}

/// Turns one word, as cut by the pre-tokenizer, into ids: cache, symbols, merges.
enum WordEncoder: Sendable {
    case byteLevel(ByteLevelEncoder)
    case sentencePiece(SentencePieceEncoder)

    init(_ definition: TokenizerDefinition) {
        switch definition.kind {
        case .byteLevel: self = .byteLevel(ByteLevelEncoder(definition))
        case .sentencePiece: self = .sentencePiece(SentencePieceEncoder(definition))
        }
    }

    @inline(__always)
    func encode(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        switch self {
        case .byteLevel(let encoder): encoder.encode(word, &session)
        case .sentencePiece(let encoder): encoder.encode(word, &session)
        }
    }

    /// Bytes that have no piece: text that holds them cannot be encoded exactly.
    var missingBytes: [UInt8] {
        switch self {
        case .byteLevel(let encoder): encoder.missingBytes
        case .sentencePiece(let encoder): encoder.missingBytes
        }
    }
}

extension EncodingSession {
    /// Appends the ids of `word`: from the cache, or as `compute` leaves them in `symbols`.
    @inline(__always)
    mutating func append(_ word: Span<UInt8>, compute: (Span<UInt8>, inout EncodingSession) -> Void) {
        guard word.count <= WordCache.longestWord else {
            compute(word, &self)
            output.append(contentsOf: symbols)
            return
        }
        let hash = cache.hash(word)
        if cache.append(word, hash: hash, to: &output) { return }
        compute(word, &self)
        output.append(contentsOf: symbols)
        cache.add(word, hash: hash, ids: symbols)
    }
}
