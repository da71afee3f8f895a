import LensFormats
import LensSupport
import LensTokenizers

extension ModelSource {
    /// Throws `.usage` unless this model, a scorer, has the tokens of the scored one: losses are compared token by token, so
    /// both must cut text alike. Rows of the embedding beyond the tokenizer (padding to a round number) do not matter.
    ///
    /// - Parameters:
    ///   - own: the scored model's tokenizer.
    ///   - vocabularySize: the scored model's.
    package func requireTokens(of own: Tokenizer?, vocabularySize: Int) throws(LensError) {
        let size = configuration.vocabularySize
        guard let description = tokenizer, let own else {
            guard size == vocabularySize else {
                throw .usage(
                    "The scorer \(path) has a vocabulary of \(size) tokens and the model one of "
                        + "\(vocabularySize), and there are no two tokenizers to compare. They must "
                        + "share their tokenizer."
                )
            }
            return
        }
        let other = try Tokenizer(description)
        if let id = own.firstDifference(from: other) {
            throw .usage(
                "The scorer \(path) has another tokenizer than the model: token \(id) is another. They "
                    + "must share it."
            )
        }
        guard own.definedCount <= size else {
            throw .usage(
                "The scorer \(path) has \(size) rows in its embedding, fewer than the \(own.definedCount) tokens "
                    + "of the tokenizer that it shares with the model."
            )
        }
    }
}
