/// The offset of the first byte that is not part of well-formed UTF-8 (Unicode 16, table 3-7), or nil.
package func firstInvalidUTF8(_ bytes: ArraySlice<UInt8>) -> Int? {
    var i = bytes.startIndex
    let end = bytes.endIndex
    while i < end {
        let lead = bytes[i]
        if lead < 0x80 {
            i += 1
            continue
        }
        // Overlong forms, surrogates and numbers past U+10FFFF differ from the rest in their second byte.
        let (length, second): (Int, ClosedRange<UInt8>)
        switch lead {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: return i
        }
        guard i + length <= end, second.contains(bytes[i + 1]) else { return i }
        for next in bytes[(i + 2)..<(i + length)] where next & 0xC0 != 0x80 { return i }
        i += length
    }
    return nil
}

/// The bytes that some programs put before text in UTF-8.
private let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

extension Collection<UInt8> {
    /// How many of the first bytes are a byte order mark: 3 or none.
    package var byteOrderMarkCount: Int { starts(with: byteOrderMark) ? byteOrderMark.count : 0 }
}

extension [UInt8] {
    package mutating func removeByteOrderMark() { removeFirst(byteOrderMarkCount) }
}
