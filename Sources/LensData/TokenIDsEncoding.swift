import LensSupport

/// Documents for a model without tokenizer: token ids alone, text is an error.
package struct TokenIDsEncoding: TextEncoding {
    /// The model's path, for messages.
    package let model: String
    package let vocabularySize: Int
    package let bosToken: Int32?
    package let eosToken: Int32? = nil

    package init(model: String, vocabularySize: Int, bosToken: Int32?) {
        self.model = model
        self.vocabularySize = vocabularySize
        self.bosToken = bosToken
    }

    package func specialTexts(in text: [UInt8]) -> [Int32: Int] { [:] }

    package func bytes(of token: Int32) -> [UInt8]? { nil }

    package func encode(
        _ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool
    ) throws(LensError) -> [Int32] {
        throw .missing(
            "\(model) has no tokenizer, so text cannot be read for it. Give --tokenizer, or documents of token ids (.jsonl with \"tokens\")."
        )
    }
}
