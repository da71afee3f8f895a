import LensSupport

/// Reads the model file of the `sentencepiece` library (`tokenizer.model`), of the BPE kind.
///
/// Numbers of fields: `sentencepiece_model.proto` of the library.
struct SentencePieceModel {
    private let bytes: [UInt8]
    private let path: String
    private var pieces: [[UInt8]] = []
    private var scores: [Float] = []
    private var types: [PieceType] = []
    /// Unigram is what a file means that does not say.
    private var kind = 1
    private var spacesEndWords = false
    private var fallsBackToBytes = false
    private var unknown = 0, bos = 1, eos = 2, padding = -1
    private var normalizerName = "its own rules"
    private var hasCharacterMap = false
    private var addsPrefix = true, removesSpaces = true, escapesSpaces = true

    static func read(_ bytes: [UInt8], path: String) throws(LensError) -> TokenizerDefinition {
        var model = SentencePieceModel(bytes: bytes, path: path)
        try model.readModel()
        return try model.definition()
    }

    private init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    private mutating func readModel() throws(LensError) {
        var fields = ProtobufFields(bytes, bytes.indices, path: path)
        while let (number, value) = try fields.next() {
            guard case .bytes(let range) = value else { continue }
            switch number {
            case 1: try readPiece(range)
            case 2: try readTrainer(range)
            case 3: try readNormalizer(range)
            default: break
            }
        }
    }

    private mutating func readPiece(_ range: Range<Int>) throws(LensError) {
        var piece: [UInt8] = []
        var score: Float = 0
        var type = PieceType.normal
        var fields = ProtobufFields(bytes, range, path: path)
        while let (number, value) = try fields.next() {
            switch (number, value) {
            case (1, .bytes(let range)): piece = Array(bytes[range])
            case (2, .fixed32(let bits)): score = Float(bitPattern: bits)
            case (3, .integer(let raw)): type = PieceType(rawValue: Int32(truncatingIfNeeded: raw)) ?? .unused
            default: break
            }
        }
        pieces.append(piece)
        scores.append(score)
        types.append(type)
    }

    private mutating func readTrainer(_ range: Range<Int>) throws(LensError) {
        var fields = ProtobufFields(bytes, range, path: path)
        while let (number, value) = try fields.next() {
            guard case .integer(let raw) = value else { continue }
            let integer = Int(Int32(truncatingIfNeeded: raw))
            switch number {
            case 3: kind = integer
            case 24: spacesEndWords = integer != 0
            case 35: fallsBackToBytes = integer != 0
            case 40: unknown = integer
            case 41: bos = integer
            case 42: eos = integer
            case 43: padding = integer
            default: break
            }
        }
    }

    private mutating func readNormalizer(_ range: Range<Int>) throws(LensError) {
        var fields = ProtobufFields(bytes, range, path: path)
        while let (number, value) = try fields.next() {
            switch (number, value) {
            case (1, .bytes(let range)): normalizerName = String(decoding: bytes[range], as: UTF8.self)
            case (2, .bytes(let range)): hasCharacterMap = !range.isEmpty
            case (3, .integer(let raw)): addsPrefix = raw != 0
            case (4, .integer(let raw)): removesSpaces = raw != 0
            case (5, .integer(let raw)): escapesSpaces = raw != 0
            default: break
            }
        }
    }

    private func unsupported(_ what: String) -> LensError {
        .data(
            "\(path) is a SentencePiece model \(what), which is not supported; supported are BPE models that do not change "
                + "characters. Give the model's tokenizer.json, or a GGUF file of the model, instead.")
    }

    private func definition() throws(LensError) -> TokenizerDefinition {
        guard kind == 2 else {
            let kinds = [1: "unigram", 3: "word", 4: "character"]
            throw unsupported("of the \(kinds[kind] ?? "unknown") kind")
        }
        if hasCharacterMap { throw unsupported("that normalizes text (\(normalizerName))") }
        if spacesEndWords || !escapesSpaces { throw unsupported("with spaces at the ends of words or unescaped") }
        var definition = TokenizerDefinition(
            kind: .sentencePiece, pieces: pieces, types: types, merging: .scored(scores))
        if removesSpaces {
            definition.normalizer = [.replacePattern(#"\A +| +\z"#, with: []), .replacePattern(" {2,}", with: [0x20])]
        }
        definition.normalizer += TokenizerDefinition.spaceMarking(prepends: addsPrefix)
        definition.fallsBackToBytes = fallsBackToBytes || types.contains(.byte)
        definition.fusesUnknown = true
        definition.unknownToken = token(unknown)
        definition.bosToken = token(bos)
        definition.eosToken = token(eos)
        definition.paddingToken = token(padding)
        // The file does not say; every published model of the kind begins its texts with BOS.
        definition.addsBOS = definition.bosToken != nil
        definition.addedTokens = AddedToken.all(pieces, types)
        return definition
    }

    private func token(_ id: Int) -> Int32? { pieces.indices.contains(id) ? Int32(id) : nil }
}
