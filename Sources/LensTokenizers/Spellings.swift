/// The bytes that each token stands for, in one array.
struct Spellings: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = [0]

    init(_ definition: TokenizerDefinition) {
        starts.reserveCapacity(definition.pieces.count + 1)
        for id in definition.pieces.indices {
            bytes.append(contentsOf: definition.spelling(of: id))
            starts.append(bytes.count)
        }
    }

    subscript(id: Int32) -> [UInt8] { Array(bytes[starts[Int(id)]..<starts[Int(id) + 1]]) }

    /// Appends the bytes of a token, without a space that they begin with if `strippingSpace`.
    @inline(__always)
    func append(_ id: Int32, strippingSpace: Bool = false, to text: inout [UInt8]) {
        var start = starts[Int(id)]
        let end = starts[Int(id) + 1]
        if strippingSpace, start < end, bytes[start] == 0x20 { start += 1 }
        for index in start..<end { text.append(bytes[index]) }
    }
}

extension TokenizerDefinition {
    /// The bytes that a piece stands for in text.
    func spelling(of id: Int) -> [UInt8] {
        let piece = pieces[id]
        switch (kind, types[id]) {
        case (_, .control), (_, .unknown): return piece
        case (.byteLevel, .userDefined): return piece
        case (.byteLevel, _): return ByteAlphabet.bytes(spelledBy: piece) ?? piece
        case (.sentencePiece, .byte): return Self.byte(spelledBy: piece).map { [$0] } ?? piece
        case (.sentencePiece, _):
            return Normalizer.replacing(Self.spaceMark, with: [0x20], in: piece) ?? piece
        }
    }
}
