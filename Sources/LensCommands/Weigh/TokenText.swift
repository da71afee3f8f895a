import LensScoring
import LensSupport
import LensTokenizers

/// A stretch of text that is shown as one: a token, or several where one ends within a character.
struct TextPiece {
    /// Line feeds and tabs as they are, other control characters escaped.
    let text: String
    /// Loss under the short context minus that under the long one, in nats: above 0 where the distant past helps. Of
    /// several tokens the one furthest from 0; nil for the first token, which nothing predicts.
    let score: Double?
}

/// The text of scored tokens.
struct TokenText {
    let tokenizer: Tokenizer
    /// For messages.
    let model: String

    /// `short - long` of token `index` (from 1), in nats.
    static func score(_ sequence: WeighedSequence, at index: Int) -> Double {
        Double(sequence.short.nll[index - 1]) - Double(sequence.long.nll[index - 1])
    }

    func pieces(of sequence: WeighedSequence) throws(LensError) -> [TextPiece] {
        var pieces: [TextPiece] = []
        var bytes: [UInt8] = []
        var score: Double?
        var count = 0
        for index in sequence.long.tokens.indices {
            bytes += try spelling(sequence.long, at: index)
            if index > 0 {
                let own = Self.score(sequence, at: index)
                if own.magnitude >= score?.magnitude ?? 0 { score = own }
            }
            count += 1
            // A character has at most four bytes, so that at most four tokens make one.
            let last = index == sequence.long.tokens.count - 1
            guard String(validating: bytes, as: UTF8.self) != nil || count == 4 || last else { continue }
            pieces.append(TextPiece(text: Self.shown(bytes), score: score))
            (bytes, score, count) = ([], nil, 0)
        }
        return pieces
    }

    /// Token `index` in brackets after the text before it, on one line: `the white [ whale]`.
    func excerpt(_ record: ScoreRecord, at index: Int) throws(LensError) -> String {
        var before: [UInt8] = []
        for earlier in max(0, index - 16)..<index { before += try spelling(record, at: earlier) }
        let token = try spelling(record, at: index)
        return "\(Self.shown(before).suffix(28))[\(Self.shown(token))]".map { character in
            character.isNewline ? "⏎" : character == "\t" ? " " : String(character)
        }.joined()
    }

    private func spelling(_ record: ScoreRecord, at index: Int) throws(LensError) -> [UInt8] {
        guard let bytes = tokenizer.bytes(of: record.tokens[index]) else {
            let made = record.model.map { " They were scored by \($0)." } ?? ""
            throw .data(
                "Token \(index) of document \"\(record.document)\", sequence \(record.sequence), is "
                    + "\(record.tokens[index]), and \(model) has \(tokenizer.vocabularySize) tokens: the scores are of "
                    + "another model's.\(made) Give that one with --model.")
        }
        return bytes
    }

    private static func shown(_ bytes: [UInt8]) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        return text.unicodeScalars.map { $0 == "\n" || $0 == "\t" ? String($0) : String($0).printable }.joined()
    }
}
