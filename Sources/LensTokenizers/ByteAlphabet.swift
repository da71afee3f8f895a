/// GPT-2's spelling of bytes: each of the 256 bytes as one printable character.
///
/// The bytes that print in Latin-1 (`!`…`~`, `¡`…`¬`, `®`…`ÿ`) stand for themselves; the others, in order, are the
/// characters from U+0100 on. Source: `bytes_to_unicode` of GPT-2's published encoder.
enum ByteAlphabet {
    /// Code point of each byte's character; all are below U+0144.
    static let characters: [UInt32] = {
        var table = [UInt32](repeating: 0, count: 256)
        var next: UInt32 = 256
        for byte in UInt32(0)..<256 {
            let prints = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
            table[Int(byte)] = prints ? byte : next
            if !prints { next += 1 }
        }
        return table
    }()

    /// Byte of each code point below U+0144, or -1.
    private static let bytes: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        for (byte, character) in characters.enumerated() { table[Int(character)] = Int16(byte) }
        return table
    }()

    /// UTF-8 of a byte's character.
    static func spelling(of byte: UInt8) -> [UInt8] {
        let character = characters[Int(byte)]
        return character < 0x80
            ? [UInt8(character)] : [UInt8(0xC0 | character >> 6), UInt8(0x80 | character & 0x3F)]
    }

    /// The spellings of all bytes.
    static let spellings = (0...255).map { spelling(of: UInt8($0)) }

    /// The bytes that `piece` spells, or nil if it holds a character outside the alphabet.
    static func bytes(spelledBy piece: [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(piece.count)
        var index = 0
        while index < piece.count {
            let lead = piece[index]
            var character = Int(lead)
            index += 1
            if lead >= 0x80 {
                guard lead & 0xE0 == 0xC0, index < piece.count, piece[index] & 0xC0 == 0x80 else { return nil }
                character = Int(lead & 0x1F) << 6 | Int(piece[index] & 0x3F)
                index += 1
            }
            guard character < bytes.count, bytes[character] >= 0 else { return nil }
            result.append(UInt8(bytes[character]))
        }
        return result
    }
}
