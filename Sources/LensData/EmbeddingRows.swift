import LensSupport
import LensTokenizers

extension DocumentEncoder {
    /// Throws `.data` for a token that the embedding has no row for: a tokenizer may have got tokens that the model was
    /// never resized for.
    func requireRows(_ tokens: [Int32], of document: Document) throws(LensError) {
        guard let embeddingRows, let index = tokens.firstIndex(where: { Int($0) >= embeddingRows }) else { return }
        let token = tokens[index]
        let text =
            (encoder as? Tokenizer)?.bytes(of: token).map { " (\"\(String(decoding: $0, as: UTF8.self))\")" } ?? ""
        throw .data(
            "\(document.source): token \(index) is \(token)\(text), and the model's embedding has \(embeddingRows) rows, "
                + "for tokens 0 to \(embeddingRows - 1). The tokenizer knows more tokens than the model: resize the model's "
                + "embedding, use the tokenizer that it was made with, or take the text out of the document.")
    }
}
