import LensSupport

/// Documents for a model without tokenizer: token ids alone, text is an error.
public struct TokenIDsEncoding: TextEncoding {
    /// The model's path, for messages.
    public let model: String
    public let vocabularySize: Int
    public let bosToken: Int32?
    public let eosToken: Int32? = nil

    public init(model: String, vocabularySize: Int, bosToken: Int32?) {
        self.model = model
        self.vocabularySize = vocabularySize
        self.bosToken = bosToken
    }

    public func specialTexts(in text: [UInt8]) -> [Int32: Int] { [:] }

    public func bytes(of token: Int32) -> [UInt8]? { nil }

    public func encode(
        _ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool
    ) throws(LensError) -> [Int32] {
        throw .missing(
            "\(model) has no tokenizer, so text cannot be read for it. Give --tokenizer, or documents of token ids (.jsonl with \"tokens\")."
        )
    }
}
