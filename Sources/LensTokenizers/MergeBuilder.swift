/// Finds the ids of merges given by spelling.
struct MergeBuilder {
    private var table: PieceTable
    private let pieces: [[UInt8]]

    init(_ pieces: [[UInt8]]) {
        self.pieces = pieces
        table = PieceTable(capacity: pieces.count)
        for (id, piece) in pieces.enumerated() where !piece.isEmpty { _ = table.add(piece, id: Int32(id)) }
    }

    /// A merge as two spellings, nil if a part or the result is not in the vocabulary.
    func merge(_ left: ArraySlice<UInt8>, _ right: ArraySlice<UInt8>) -> Merge? {
        guard !left.isEmpty, !right.isEmpty else { return nil }
        let leftID = table.id(of: Array(left))
        let rightID = table.id(of: Array(right))
        let result = table.id(of: Array(left) + right)
        return leftID < 0 || rightID < 0 || result < 0 ? nil : Merge(left: leftID, right: rightID, result: result)
    }

    /// A merge as one line with a space between the parts.
    func merge(line: [UInt8]) -> Merge? {
        guard line.count >= 3, let space = line[1...].firstIndex(of: 0x20) else { return nil }
        return merge(line[..<space], line[(space + 1)...])
    }

    /// Of merges of the same pair, the first (llama.cpp's rule).
    func firstOfEach(_ merges: [Merge]) -> [Merge] {
        var seen = PairTable(capacity: merges.count)
        return merges.filter { merge in
            let before = seen.count
            seen.add(left: merge.left, right: merge.right, rank: 0, result: merge.result)
            return seen.count > before
        }
    }
}
