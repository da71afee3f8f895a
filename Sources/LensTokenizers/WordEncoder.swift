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
