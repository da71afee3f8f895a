import LensSupport

/// SentencePiece BPE: symbols are characters, merges go by score or by rank, unknown characters fall back to bytes.
final class SentencePieceEncoder: Sendable {
    private let characters: PieceTable
    private let asciiIDs: [Int32]
    private let merges: PairTable
    private let byteIDs: [Int32]
    private let unknownToken: Int32?
    private let fusesUnknown: Bool
    /// First id that no piece has: characters that only occur inside longer pieces are numbered from here.
    private let vocabularySize: Int32
    private let unnamedCharacters: [[UInt8]]
    /// Text may be cut before each `▁` that follows another character: no piece crosses such a place.
    private let cutsAtSpaceMarks: Bool

    /// `definition` is a checked SentencePiece one.
    init(_ definition: TokenizerDefinition) {
        var table = PieceTable(capacity: definition.mergeableCharacterBound)
        var mergeable = PieceTable(capacity: definition.pieces.count)
        var ends: [[Int]] = []
        var crossesSpaceMark = false
        for (id, piece) in definition.pieces.enumerated() {
            let isMergeable = definition.isMergeable(id)
            ends.append(isMergeable ? UTF8Scan.characterEnds(piece) : [])
            guard isMergeable else { continue }
            if mergeable.add(piece, id: Int32(id)) == nil, ends[id].count == 1 { _ = table.add(piece, id: Int32(id)) }
            crossesSpaceMark = crossesSpaceMark || Self.crossesSpaceMark(piece)
        }
        vocabularySize = Int32(definition.pieces.count)
        switch definition.merging {
        case .ranked:
            merges = PairTable(ranked: definition)
            unnamedCharacters = []
        case .scored(let scores):
            unnamedCharacters = Self.addUnnamedCharacters(of: definition, ends, to: &table)
            merges = Self.pairs(definition, scores, ends, mergeable, table)
        }
        characters = table
        asciiIDs = (0..<128).map { table.id(of: [UInt8($0)]) }
        cutsAtSpaceMarks = !crossesSpaceMark && table.id(of: TokenizerDefinition.spaceMark) >= 0
        byteIDs = definition.byteTokens
        unknownToken = definition.unknownToken
        fusesUnknown = definition.fusesUnknown
    }

    var missingBytes: [UInt8] { (0...255).filter { byteIDs[Int($0)] < 0 } }

    private static func crossesSpaceMark(_ piece: [UInt8]) -> Bool {
        let mark = TokenizerDefinition.spaceMark
        guard piece.count > mark.count else { return false }
        for index in 1...(piece.count - mark.count) where piece[index..<index + mark.count].elementsEqual(mark) {
            if index < mark.count || !piece[index - mark.count..<index].elementsEqual(mark) { return true }
        }
        return false
    }

    /// Numbers, past the vocabulary, the characters of longer pieces that have no piece of their own, so that merging
    /// by ids finds all that merging by text would.
    private static func addUnnamedCharacters(
        of definition: TokenizerDefinition, _ ends: [[Int]], to characters: inout PieceTable
    ) -> [[UInt8]] {
        var unnamed: [[UInt8]] = []
        for (id, piece) in definition.pieces.enumerated() where ends[id].count > 1 {
            var start = 0
            for end in ends[id] {
                let character = Array(piece[start..<end])
                if characters.add(character, id: Int32(definition.pieces.count + unnamed.count)) == nil {
                    unnamed.append(character)
                }
                start = end
            }
        }
        return unnamed
    }

    /// Every way to make a mergeable piece of two parts, ranked by the piece's score.
    private static func pairs(
        _ definition: TokenizerDefinition, _ scores: [Float], _ ends: [[Int]], _ mergeable: PieceTable,
        _ characters: PieceTable
    ) -> PairTable {
        let ranks = rank(scores)
        var table = PairTable(capacity: ends.reduce(0) { $0 + max(0, $1.count - 1) })
        for (id, piece) in definition.pieces.enumerated() where ends[id].count > 1 {
            let span = piece.span
            let all = ends[id]
            for (index, end) in all.dropLast().enumerated() {
                let left = span.extracting(0..<end)
                let right = span.extracting(end..<piece.count)
                let leftID = index == 0 ? characters.id(of: left) : mergeable.id(of: left)
                let rightID = index == all.count - 2 ? characters.id(of: right) : mergeable.id(of: right)
                guard leftID >= 0, rightID >= 0 else { continue }
                table.add(left: leftID, right: rightID, rank: ranks[id], result: Int32(id))
            }
        }
        return table
    }

    /// 0 for the highest score; equal scores, equal ranks.
    private static func rank(_ scores: [Float]) -> [UInt32] {
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        var ranks = [UInt32](repeating: 0, count: scores.count)
        var rank: UInt32 = 0
        for (position, id) in order.enumerated() {
            if position > 0, scores[id] != scores[order[position - 1]] { rank += 1 }
            ranks[id] = rank
        }
        return ranks
    }

    func encode(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        guard cutsAtSpaceMarks else {
            compute(word, &session)
            session.output.append(contentsOf: session.symbols)
            return
        }
        var start = 0
        var index = 0
        var afterMark = true
        while index < word.count {
            let isMark =
                word[index] == 0xE2 && index + 2 < word.count && word[index + 1] == 0x96 && word[index + 2] == 0x81
            if isMark, !afterMark {
                session.append(word.extracting(start..<index)) { compute($0, &$1) }
                start = index
            }
            afterMark = isMark
            index += isMark ? 3 : 1
        }
        if start < word.count { session.append(word.extracting(start..<word.count)) { compute($0, &$1) } }
    }

    private func compute(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        session.symbols.removeAll(keepingCapacity: true)
        var index = 0
        var previousUnknown = false
        var hasUnnamed = false
        while index < word.count {
            let length = UTF8Scan.characterLength(word, at: index)
            let character = word.extracting(index..<index + max(1, length))
            let id = length == 1 ? asciiIDs[Int(word[index])] : length == 0 ? -1 : characters.id(of: character)
            if id >= 0 {
                session.symbols.append(id)
                hasUnnamed = hasUnnamed || id >= vocabularySize
                previousUnknown = false
            } else {
                previousUnknown = fallBack(character, previousUnknown, &session.symbols)
            }
            index += character.count
        }
        session.merger.merge(&session.symbols, by: merges)
        if hasUnnamed { resolveUnnamed(&session) }
    }

    /// Byte tokens of a character, or the unknown token. Returns whether it was unknown.
    private func fallBack(_ character: Span<UInt8>, _ previousUnknown: Bool, _ symbols: inout [Int32]) -> Bool {
        var hasBytes = true
        for index in 0..<character.count where byteIDs[Int(character[index])] < 0 { hasBytes = false }
        if hasBytes {
            for index in 0..<character.count { symbols.append(byteIDs[Int(character[index])]) }
            return false
        }
        if let unknownToken, !(fusesUnknown && previousUnknown) { symbols.append(unknownToken) }
        return true
    }

    /// Replaces characters that have no piece and did not merge.
    private func resolveUnnamed(_ session: inout EncodingSession) {
        var resolved: [Int32] = []
        var previousUnknown = false
        for symbol in session.symbols {
            guard symbol >= vocabularySize else {
                resolved.append(symbol)
                previousUnknown = symbol == unknownToken
                continue
            }
            let character = unnamedCharacters[Int(symbol - vocabularySize)]
            previousUnknown = fallBack(character.span, previousUnknown, &resolved)
        }
        session.symbols = resolved
    }
}

extension TokenizerDefinition {
    /// The piece may come out of merging.
    func isMergeable(_ id: Int) -> Bool {
        !types[id].isSpecial && types[id] != .byte && !pieces[id].isEmpty
    }

    /// At most this many different characters occur in mergeable pieces.
    fileprivate var mergeableCharacterBound: Int {
        var bytes = 0
        for (id, piece) in pieces.enumerated() where isMergeable(id) { bytes += piece.count }
        return min(bytes, 0x11_0000 + 256)
    }

    /// Ids of the byte pieces `<0x00>` … `<0xFF>`, -1 where there is none.
    var byteTokens: [Int32] {
        var ids = [Int32](repeating: -1, count: 256)
        guard fallsBackToBytes else { return ids }
        for (id, piece) in pieces.enumerated() where types[id] == .byte {
            if let byte = Self.byte(spelledBy: piece) { ids[Int(byte)] = Int32(id) }
        }
        return ids
    }

    /// The byte that a piece `<0xHH>` stands for.
    static func byte(spelledBy piece: [UInt8]) -> UInt8? {
        guard piece.count == 6, piece.starts(with: Array("<0x".utf8)), piece[5] == UInt8(ascii: ">") else { return nil }
        let digits = piece[3..<5].compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        return digits.count == 2 ? UInt8(digits[0] << 4 | digits[1]) : nil
    }
}
