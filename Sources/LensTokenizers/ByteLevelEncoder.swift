import LensSupport

/// Byte-level BPE (GPT-2): symbols are bytes, merges go by rank.
final class ByteLevelEncoder: Sendable {
    private let byteIDs: [Int32]
    private let merges: PairTable
    /// Whole words by their raw bytes, where words that are pieces are not merged.
    private let words: PieceTable?
    private let unknownToken: Int32?
    private let fusesUnknown: Bool

    /// `definition` is a checked byte-level one.
    init(_ definition: TokenizerDefinition) {
        var table = PieceTable(capacity: definition.pieces.count)
        var raw = PieceTable(capacity: definition.ignoresMerges ? definition.pieces.count : 0)
        for (id, piece) in definition.pieces.enumerated() where !definition.types[id].isSpecial && !piece.isEmpty {
            _ = table.add(piece, id: Int32(id))
            if definition.ignoresMerges, definition.types[id] == .normal,
                let bytes = ByteAlphabet.bytes(spelledBy: piece)
            {
                _ = raw.add(bytes, id: Int32(id))
            }
        }
        byteIDs = (0...255).map { table.id(of: ByteAlphabet.spelling(of: UInt8($0))) }
        words = definition.ignoresMerges ? raw : nil
        merges = PairTable(ranked: definition)
        unknownToken = definition.unknownToken
        fusesUnknown = definition.fusesUnknown
    }

    var missingBytes: [UInt8] { (0...255).filter { byteIDs[Int($0)] < 0 } }

    @inline(__always)
    func encode(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        session.append(word) { compute($0, &$1) }
    }

    private func compute(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        session.symbols.removeAll(keepingCapacity: true)
        if let words {
            let id = words.id(of: word)
            if id >= 0 {
                session.symbols.append(id)
                return
            }
        }
        var previousUnknown = false
        for index in 0..<word.count {
            let id = byteIDs[Int(word[index])]
            if id >= 0 {
                session.symbols.append(id)
                previousUnknown = false
            } else if let unknownToken {
                if !(fusesUnknown && previousUnknown) { session.symbols.append(unknownToken) }
                previousUnknown = true
            }
        }
        session.merger.merge(&session.symbols, by: merges)
    }
}

extension PairTable {
    /// The listed merges of a checked definition, save those that would spell a special token.
    init(ranked definition: TokenizerDefinition) {
        guard case .ranked(let merges) = definition.merging else {
            self.init(capacity: 0)
            return
        }
        self.init(capacity: merges.count)
        for (rank, merge) in merges.enumerated() where !definition.types[Int(merge.result)].isSpecial {
            add(left: merge.left, right: merge.right, rank: UInt32(rank), result: merge.result, replacing: true)
        }
    }
}
