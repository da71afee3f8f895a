import LensSupport

/// The fields of one message in Protocol Buffers' wire format, in order.
///
/// A SentencePiece model is the one such file that is read, and three of its messages: a library with its generated
/// code would be many times this.
struct ProtobufFields {
    enum Value {
        case integer(UInt64)
        case fixed32(UInt32)
        case fixed64(UInt64)
        /// Where a string, some bytes or a message are.
        case bytes(Range<Int>)
    }

    private let bytes: [UInt8]
    private var offset: Int
    private let end: Int
    private let path: String

    /// The message in `range` of `bytes`, which are those of the file at `path`.
    init(_ bytes: [UInt8], _ range: Range<Int>, path: String) {
        self.bytes = bytes
        self.path = path
        offset = range.lowerBound
        end = range.upperBound
    }

    /// The next field, nil at the end. `.data` for what is no message.
    mutating func next() throws(LensError) -> (number: Int, value: Value)? {
        guard offset < end else { return nil }
        let start = offset
        let key = try varint()
        let number = Int(truncatingIfNeeded: key >> 3)
        switch key & 7 {
        case 0: return (number, .integer(try varint()))
        case 1: return (number, .fixed64(try fixed(UInt64.self)))
        case 2:
            let count = try varint()
            guard count <= UInt64(end - offset) else { throw damaged(start) }
            let range = offset..<offset + Int(count)
            offset = range.upperBound
            return (number, .bytes(range))
        case 5: return (number, .fixed32(try fixed(UInt32.self)))
        default: throw damaged(start)
        }
    }

    private mutating func varint() throws(LensError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: 0, to: 70, by: 7) {
            guard offset < end else { throw damaged(offset) }
            let byte = bytes[offset]
            offset += 1
            value |= UInt64(byte & 0x7F) << UInt64(shift)
            if byte < 0x80 { return value }
        }
        throw damaged(offset)
    }

    private mutating func fixed<Integer: FixedWidthInteger>(_: Integer.Type) throws(LensError) -> Integer {
        let count = MemoryLayout<Integer>.size
        guard end - offset >= count else { throw damaged(offset) }
        defer { offset += count }
        return bytes.littleEndian(Integer.self, at: offset)
    }

    private func damaged(_ offset: Int) -> LensError {
        .data("\(path), byte \(offset): not the SentencePiece model that its beginning looks like, or cut short.")
    }
}
