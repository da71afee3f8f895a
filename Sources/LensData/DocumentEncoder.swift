import LensSupport

/// Turns text into token ids: what documents need of a tokenizer.
public protocol TextEncoding: Sendable {
    var vocabularySize: Int { get }
    /// The token that begins a document, if the model has one.
    var bosToken: Int32? { get }
    /// Whether the model wants its documents to begin with it.
    var addsBOS: Bool { get }
    /// The tokens of valid UTF-8. `addBOS` nil means what ``addsBOS`` says.
    func encode(_ text: [UInt8], addBOS: Bool?) throws(LensError) -> [Int32]
}

/// Whether text gets the model's beginning-of-sequence token.
public enum BOSPolicy: String, Sendable, CaseIterable {
    /// Where the model defines one to be added.
    case auto
    case always
    case never
}

/// Documents to tokens: text through the tokenizer, tokens exactly as given.
public struct DocumentEncoder: Sendable {
    public let encoder: any TextEncoding
    public let policy: BOSPolicy
    /// Rows of the model's embedding: a token past them is an error. Nil where no model will see the tokens.
    public var embeddingRows: Int?

    /// Throws `.usage` when BOS is always wanted and the model has none.
    public init(_ encoder: any TextEncoding, bos policy: BOSPolicy = .auto) throws(LensError) {
        if policy == .always && encoder.bosToken == nil {
            throw .usage(
                "The model's tokenizer has no beginning-of-sequence token, so that BOS cannot always be added.")
        }
        self.encoder = encoder
        self.policy = policy
    }

    /// The tokens of a document, at least one. Throws `.data` for a token outside the vocabulary, naming its index.
    public func tokens(of document: Document) throws(LensError) -> [Int32] {
        switch document.content {
        case .text(let text):
            let addBOS: Bool? =
                switch policy {
                case .auto: nil
                case .always: true
                case .never: false
                }
            let tokens = try encoder.encode(text, addBOS: addBOS)
            guard !tokens.isEmpty else { throw .data("\(document.source) has no tokens.") }
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
}
