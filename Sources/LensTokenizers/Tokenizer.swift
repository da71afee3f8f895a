import LensFormats
import LensSupport
import Synchronization

/// Turns text into token ids and back, as the model's own tokenizer does.
///
/// Byte-level BPE (GPT-2, SmolLM, Llama 3, Qwen 2) and SentencePiece BPE (Llama 2) from `tokenizer.json`, GGUF metadata
/// or a llama2.c tokenizer file. Ids are those of the `tokenizers` library, of llama.cpp for GGUF, of llama2.c for its
/// files; where these disagree, `docs/tokenizers.md` says which is followed.
///
/// Any bytes survive `decode(encode(text))`, malformed UTF-8 and NUL too, where the vocabulary has a token for every
/// byte and the tokenizer does not normalize: see `missingBytes`, `normalizes`.
public final class Tokenizer: Sendable {
    /// Tokens are 0 ..< vocabularySize.
    public let vocabularySize: Int
    /// The token that begins (ends) a document, if the model has one.
    public let bosToken: Int32?
    public let eosToken: Int32?
    /// The model defines BOS to be put before text, EOS after it.
    public let addsBOS: Bool
    public let addsEOS: Bool
    /// Bytes that the vocabulary cannot spell; like the `tokenizers` library, `encode` leaves them out or gives the
    /// unknown token.
    package let missingBytes: [UInt8]
    /// The tokenizer changes text before encoding (Unicode composition): `decode` gives the changed text.
    package let normalizes: Bool

    /// What the user should know of the tokenizer's description, though it can be used: one paragraph each.
    public var warnings: [String] { definition.warnings }

    let definition: TokenizerDefinition
    private let path: String
    /// Contents of `tokenizer.json` and `tokenizer_config.json`, where the tokenizer comes from these.
    private let original: (tokenizer: [UInt8], configuration: [UInt8]?)?
    private let pipeline: TextPipeline
    private let specials: AddedTokenMatcher
    private let spellings: Spellings
    private let sessions = Mutex<[EncodingSession]>([])

    /// Reads and checks a tokenizer.
    ///
    /// Throws `LensError.data` for a malformed description, and for one with a component that would change ids and is
    /// not supported; the message names it.
    package init(_ source: TokenizerSource) throws(LensError) {
        switch source {
        case .huggingFace(let tokenizer, let configuration, let path):
            self.path = path
            definition = try HuggingFaceTokenizerReader.read(tokenizer, configuration: configuration, path: path)
            original = (tokenizer, configuration)
        case .gguf(let metadata, let path):
            self.path = path
            definition = try GGUFTokenizerReader.read(metadata, path: path)
            original = nil
        case .llama2c(let bytes, let vocabularySize, let path):
            self.path = path
            definition = try Llama2CTokenizerReader.read(bytes, vocabularySize: vocabularySize, path: path)
            original = nil
        case .sentencePiece(let bytes, let path):
            self.path = path
            definition = try SentencePieceModel.read(bytes, path: path)
            original = nil
        }
        try definition.validate(path)
        vocabularySize = definition.pieces.count
        bosToken = definition.bosToken
        eosToken = definition.eosToken
        addsBOS = definition.addsBOS
        addsEOS = definition.addsEOS
        specials = AddedTokenMatcher(definition.addedTokens.filter(\.isSpecial))
        normalizes = definition.normalizesText
        spellings = Spellings(definition)
        let encoder = WordEncoder(definition)
        missingBytes = encoder.missingBytes
        pipeline = try TextPipeline(definition, encoder: encoder, file: path)
    }

    /// The ids of `text`.
    ///
    /// - Parameters:
    ///   - addBOS: put BOS before the text; nil as the model defines. True without a BOS token is `LensError.usage`.
    ///   - addEOS: the same of EOS, after the text.
    ///   - parseSpecial: text that spells a control token becomes it. Off by default, unlike in the `tokenizers` library:
    ///     a document must not be able to end itself. Added tokens that are not special are always found.
    public func encode(
        _ text: [UInt8], addBOS: Bool? = nil, addEOS: Bool? = nil, parseSpecial: Bool = false
    ) throws(LensError) -> [Int32] {
        guard text.count < Int32.max else {
            throw .data("A text of \(text.count) bytes is too long to encode in one piece; the limit is 2 GiB.")
        }
        var session = sessions.withLock { $0.popLast() } ?? EncodingSession()
        session.output.reserveCapacity(text.count / 4 + 8)
        defer {
            session.output = []
            sessions.withLock { [session] in $0.append(session) }
        }
        if addBOS ?? addsBOS { session.output.append(try boundary(bosToken, "BOS", "before")) }
        let last = addEOS ?? addsEOS ? try boundary(eosToken, "EOS", "after") : nil
        try pipeline.encode(text, parseSpecial: parseSpecial, &session)
        if let last { session.output.append(last) }
        return session.output
    }

    private func boundary(_ token: Int32?, _ name: String, _ side: String) throws(LensError) -> Int32 {
        guard let token else { throw .usage("\(path): the tokenizer has no \(name) token to put \(side) text.") }
        return token
    }

    /// The ids of `text`; see the other `encode`.
    public func encode(
        _ text: String, addBOS: Bool? = nil, addEOS: Bool? = nil, parseSpecial: Bool = false
    ) throws(LensError) -> [Int32] {
        try encode(Array(text.utf8), addBOS: addBOS, addEOS: addEOS, parseSpecial: parseSpecial)
    }

    /// How often `text` spells each special token: what `encode` gives as such with `parseSpecial` alone.
    ///
    /// Throws what `encode` throws for a description that makes looking for them endless.
    public func specialTexts(in text: [UInt8]) throws(LensError) -> [Int32: Int] {
        var counts: [Int32: Int] = [:]
        var budget = DocumentBudget(byteCount: text.count)
        for case .token(let id) in try specials.parts(text.span, &budget) { counts[id, default: 0] += 1 }
        return counts
    }

    /// The text of `ids`. Control tokens are left out unless `includingSpecial`, so that decoding undoes encoding.
    ///
    /// The space that a SentencePiece tokenizer puts before text is taken off. Throws `LensError.data` for an id outside
    /// the vocabulary.
    public func decode(_ ids: [Int32], includingSpecial: Bool = false) throws(LensError) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(ids.count * 4)
        var decoder = TokenDecoder(self, includingSpecial: includingSpecial)
        for id in ids { try decoder.append(id, to: &text) }
        return text
    }

    /// Whether a space is put before a text, and taken off again in decoding.
    var prependsSpace: PrependScheme { definition.prependsSpace }

    func pieceType(of id: Int32) -> PieceType { definition.types[Int(id)] }

    func append(_ id: Int32, strippingSpace: Bool = false, to text: inout [UInt8]) {
        spellings.append(id, strippingSpace: strippingSpace, to: &text)
    }

    func outsideVocabulary(_ id: Int32, at position: Int) -> LensError {
        .data(
            "Token \(id) at position \(position) is not in the vocabulary of \(path), which has \(vocabularySize) "
                + "tokens. The tokens are another model's, or damaged.")
    }

    /// The bytes that a token stands for, nil outside the vocabulary. Of control tokens, their names.
    public func bytes(of id: Int32) -> [UInt8]? {
        id >= 0 && Int(id) < vocabularySize ? spellings[id] : nil
    }

    /// The tokenizer as `tokenizer.*` keys of a GGUF file.
    package func ggufMetadata() -> GGUFMetadata {
        GGUFTokenizerWriter.metadata(definition, tokenizerJSON: original?.tokenizer)
    }

    /// What `ggufMetadata` cannot say of the tokenizer, so that a GGUF file gives other tokens: one paragraph each.
    package var ggufLosses: [String] { GGUFTokenizerWriter.losses(definition) }

    /// `tokenizer.json` and `tokenizer_config.json` for the `tokenizers` and `transformers` libraries; of a tokenizer
    /// read from these files, the files themselves.
    ///
    /// Throws `LensError.data` if a piece is not UTF-8, which JSON cannot hold.
    package func huggingFaceFiles() throws(LensError) -> [(name: String, bytes: [UInt8])] {
        if let original {
            let configuration = original.configuration ?? HuggingFaceTokenizerWriter.configuration(definition)
            return [("tokenizer.json", original.tokenizer), ("tokenizer_config.json", configuration)]
        }
        return [
            ("tokenizer.json", try HuggingFaceTokenizerWriter.tokenizer(definition, path: path)),
            ("tokenizer_config.json", HuggingFaceTokenizerWriter.configuration(definition)),
        ]
    }
}
