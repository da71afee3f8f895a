import LensSupport

/// Reads a llama2.c tokenizer file: the longest piece's length (int32), then for each token its score (float32), its
/// length (int32) and its bytes; little-endian. Written by llama2.c's `tokenizer.py` from a SentencePiece model.
enum Llama2CTokenizerReader {
    static func read(_ bytes: [UInt8], vocabularySize: Int, path: String) throws(LensError) -> TokenizerDefinition {
        guard vocabularySize > 3, vocabularySize <= bytes.count / 8 else {
            throw .data(
                "\(path): a llama2.c tokenizer of \(bytes.count) bytes cannot hold the model's \(vocabularySize) tokens."
            )
        }
        var pieces: [[UInt8]] = []
        var scores: [Float] = []
        var offset = 4
        for id in 0..<vocabularySize {
            guard bytes.count - offset >= 8 else { throw truncated(path, id, offset, vocabularySize) }
            scores.append(Float(bitPattern: bytes.littleEndian(UInt32.self, at: offset)))
            let length = Int(bytes.littleEndian(Int32.self, at: offset + 4))
            offset += 8
            guard length >= 0, length <= bytes.count - offset else { throw truncated(path, id, offset, vocabularySize) }
            pieces.append(Array(bytes[offset..<offset + length]))
            offset += length
        }
        guard offset == bytes.count else {
            throw .data(
                "\(path): \(bytes.count - offset) bytes follow the model's \(vocabularySize) tokens; the file is another model's."
            )
        }
        return definition(pieces, scores)
    }

    private static func truncated(_ path: String, _ id: Int, _ offset: Int, _ size: Int) -> LensError {
        .data("\(path): the file ends in token \(id) at byte \(offset); \(size) tokens were expected.")
    }

    /// The exporter wrote spaces for `▁` and put newlines around the names of BOS and EOS.
    private static func definition(_ pieces: [[UInt8]], _ scores: [Float]) -> TokenizerDefinition {
        var spelled = pieces.map { Normalizer.replacing([0x20], with: TokenizerDefinition.spaceMark, in: $0) ?? $0 }
        spelled[1] = trimmed(spelled[1])
        spelled[2] = trimmed(spelled[2])
        var types = spelled.map { TokenizerDefinition.byte(spelledBy: $0) == nil ? PieceType.normal : .byte }
        types[0] = .unknown
        types[1] = .control
        types[2] = .control
        var definition = TokenizerDefinition(
            kind: .sentencePiece, pieces: spelled, types: types, merging: .scored(scores))
        definition.normalizer = TokenizerDefinition.spaceMarking(prepends: true)
        definition.fallsBackToBytes = true
        definition.fusesUnknown = true
        definition.unknownToken = 0
        definition.bosToken = 1
        definition.eosToken = 2
        definition.addsBOS = true
        definition.addedTokens = (0..<3).filter { !spelled[$0].isEmpty }.map {
            AddedToken(id: Int32($0), content: spelled[$0], isSpecial: true)
        }
        return definition
    }

    private static func trimmed(_ piece: [UInt8]) -> [UInt8] {
        guard piece.count > 2, piece.first == 0x0A, piece.last == 0x0A else { return piece }
        return Array(piece[1..<piece.count - 1])
    }
}
