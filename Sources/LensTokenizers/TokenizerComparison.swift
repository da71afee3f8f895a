extension Tokenizer {
    /// Tokens that the tokenizer defines are below this number: pieces that fill a vocabulary up are not counted.
    package var definedCount: Int { (definition.types.lastIndex { $0 != .unused } ?? -1) + 1 }

    /// The first token that stands for other bytes in `other`, or that only one of them defines and text can become; nil
    /// where both cut text into the same tokens.
    ///
    /// Unused pieces are no tokens: other files of one tokenizer have more or fewer of them.
    package func firstDifference(from other: Tokenizer) -> Int32? {
        for id in 0..<Int32(max(vocabularySize, other.vocabularySize)) {
            switch (type(of: id), other.type(of: id)) {
            case (nil, nil): continue
            case (.some, .some): if bytes(of: id) != other.bytes(of: id) { return id }
            // The other one has more special tokens.
            case (nil, .control), (nil, .unknown): continue
            default: return id
            }
        }
        return nil
    }

    private func type(of id: Int32) -> PieceType? {
        guard id < vocabularySize else { return nil }
        let type = definition.types[Int(id)]
        return type == .unused ? nil : type
    }
}
