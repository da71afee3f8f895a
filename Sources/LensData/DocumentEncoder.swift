import LensSupport
import LensTokenizers

/// Turns text into token ids: what documents need of a tokenizer.
public protocol TextEncoding: Sendable {
    var vocabularySize: Int { get }
    /// The token that begins (ends) a document, if the model has one.
    var bosToken: Int32? { get }
    var eosToken: Int32? { get }
    /// The tokens of valid UTF-8. nil for `addBOS`, `addEOS` means what the model defines; `parseSpecial`: text that
    /// spells a special token becomes it.
    func encode(_ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool) throws(LensError) -> [Int32]
    /// How often `text` spells each special token.
    func specialTexts(in text: [UInt8]) throws(LensError) -> [Int32: Int]
    /// What a token is spelled as.
    func bytes(of token: Int32) -> [UInt8]?
}

extension Tokenizer: TextEncoding {}

/// Whether text gets the model's token of its beginning (BOS), or of its end (EOS).
public enum BoundaryPolicy: String, Sendable, CaseIterable {
    /// Where the model defines one to be added.
    case auto
    case always
    case never

    /// As encoders take it: nil is what the model defines.
    package var adds: Bool? { self == .auto ? nil : self == .always }
}

/// Documents to tokens: text through the tokenizer, tokens exactly as given.
///
/// Text that spells a special token (`<|endoftext|>`) is plain text unless `special`: a document must not be able to end
/// itself. What is found of it is counted in `spelledSpecials`.
public struct DocumentEncoder: Sendable {
    public let encoder: any TextEncoding
    public let bos: BoundaryPolicy
    public let eos: BoundaryPolicy
    /// Special tokens written in text are read as such.
    public let special: Bool
    /// What `special` would have read, counted over all documents.
    package let spelledSpecials: SpelledSpecials
    /// Rows of the model's embedding: a token past them is an error. Nil where no model will see the tokens.
    package var embeddingRows: Int?
    private let warn: (@Sendable (String) -> Void)?

    /// - Parameter warn: told of the first document whose text spells special tokens that are not read as such.
    ///
    /// Throws `.usage` when BOS (EOS) is always wanted and the model has none.
    public init(
        _ encoder: any TextEncoding, bos: BoundaryPolicy = .auto, eos: BoundaryPolicy = .auto, special: Bool = false,
        warn: (@Sendable (String) -> Void)? = nil
    ) throws(LensError) {
        if bos == .always && encoder.bosToken == nil {
            throw .usage(
                "The model's tokenizer has no beginning-of-sequence token, so that BOS cannot always be added.")
        }
        if eos == .always && encoder.eosToken == nil {
            throw .usage("The model's tokenizer has no end-of-sequence token, so that EOS cannot always be added.")
        }
        self.encoder = encoder
        (self.bos, self.eos, self.special) = (bos, eos, special)
        spelledSpecials = SpelledSpecials()
        self.warn = warn
    }

    /// The tokens of a document, at least one. Throws `.data` for a token outside the vocabulary, naming its index, and
    /// for text that cannot be tokenized.
    public func tokens(of document: Document) throws(LensError) -> [Int32] {
        switch document.content {
        case .text(let text):
            let tokens: [Int32]
            do {
                tokens = try encoder.encode(text, addBOS: bos.adds, addEOS: eos.adds, parseSpecial: special)
            } catch  where error.kind == .data {
                throw LensError(.data, "\(document.source): \(error.message)")
            }
            guard !tokens.isEmpty else { throw .data("\(document.source) has no tokens.") }
            if !special { try countSpecials(in: text, of: document) }
            try requireRows(tokens, of: document)
            return tokens
        case .tokens(let tokens):
            for (index, token) in tokens.enumerated() where token < 0 || Int(token) >= encoder.vocabularySize {
                throw .data(
                    "\(document.source): tokens[\(index)] is \(token), and the model's vocabulary has ids from 0 to "
                        + "\(encoder.vocabularySize - 1). Were the tokens made with another tokenizer?")
            }
            try requireRows(tokens, of: document)
            return tokens
        }
    }

    private func countSpecials(in text: [UInt8], of document: Document) throws(LensError) {
        let found = try encoder.specialTexts(in: text)
        guard !found.isEmpty else { return }
        let named = found.map { (String(decoding: encoder.bytes(of: $0.key) ?? [], as: UTF8.self), $0.value) }
        let isFirst = spelledSpecials.add(Dictionary(named, uniquingKeysWith: +), source: document.source)
        if isFirst, let warn, let warning = spelledSpecials.warning { warn(warning) }
    }
}
