import LensSupport

/// Turns tokens into text one by one, as they come: together what ``Tokenizer/decode(_:includingSpecial:)`` gives of all.
public struct TokenDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let includesSpecial: Bool
    private let scheme: PrependScheme
    private var stripsSpace: Bool
    private var count = 0

    /// - Parameter includingSpecial: give the names of control tokens too, which are left out otherwise.
    public init(_ tokenizer: Tokenizer, includingSpecial: Bool = false) {
        self.tokenizer = tokenizer
        includesSpecial = includingSpecial
        scheme = tokenizer.prependsSpace
        stripsSpace = scheme != .never
    }

    /// Appends the bytes of the next token, which may be a part of a character.
    ///
    /// Throws `LensError.data` for an id outside the vocabulary.
    public mutating func append(_ id: Int32, to text: inout [UInt8]) throws(LensError) {
        guard id >= 0, Int(id) < tokenizer.vocabularySize else {
            throw tokenizer.outsideVocabulary(id, at: count)
        }
        count += 1
        let type = tokenizer.pieceType(of: id)
        guard type.isSpecial || type == .userDefined else {
            tokenizer.append(id, strippingSpace: stripsSpace, to: &text)
            stripsSpace = false
            return
        }
        if !type.isSpecial || includesSpecial { tokenizer.append(id, to: &text) }
        if scheme == .always { stripsSpace = true } else if !type.isSpecial { stripsSpace = false }
    }
}
