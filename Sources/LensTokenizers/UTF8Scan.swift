/// Scanning of bytes that may or may not be UTF-8.
enum UTF8Scan {
    /// Length of the well-formed character at `index`, or 0 (RFC 3629: no surrogates, no overlong forms, to U+10FFFF).
    @inline(__always)
    static func characterLength(_ text: Span<UInt8>, at index: Int) -> Int {
        let lead = text[index]
        if lead < 0x80 { return 1 }
        let rest = text.count - index
        guard lead >= 0xC2, lead <= 0xF4, rest >= 2 else { return 0 }
        let second = text[index + 1]
        if lead < 0xE0 { return second & 0xC0 == 0x80 ? 2 : 0 }
        let low: UInt8 = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80
        let high: UInt8 = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF
        guard second >= low, second <= high, rest >= 3, text[index + 2] & 0xC0 == 0x80 else { return 0 }
        if lead < 0xF0 { return 3 }
        return rest >= 4 && text[index + 3] & 0xC0 == 0x80 ? 4 : 0
    }

    /// End of the well-formed text that begins at `start`.
    static func endOfValid(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count {
            if text[index] < 0x80 {
                index += 1
                continue
            }
            let length = characterLength(text, at: index)
            if length == 0 { return index }
            index += length
        }
        return index
    }

    /// End of the malformed bytes that begin at `start`.
    static func endOfInvalid(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count, characterLength(text, at: index) == 0 { index += 1 }
        return index
    }

    /// The well-formed and the malformed stretches of `text`, in order.
    static func stretches(_ text: Span<UInt8>) -> [(range: Range<Int>, isValid: Bool)] {
        var result: [(range: Range<Int>, isValid: Bool)] = []
        var start = 0
        while start < text.count {
            let valid = endOfValid(text, from: start)
            if valid > start { result.append((start..<valid, true)) }
            let invalid = endOfInvalid(text, from: valid)
            if invalid > valid { result.append((valid..<invalid, false)) }
            start = invalid
        }
        return result
    }

    /// Bytes to the next character of well-formed text, 1 at its end.
    @inline(__always)
    static func step(_ text: Span<UInt8>, at index: Int) -> Int {
        index < text.count ? max(1, characterLength(text, at: index)) : 1
    }

    static func isValid(_ text: [UInt8]) -> Bool { endOfValid(text.span, from: 0) == text.count }

    /// Length of the Unicode `White_Space` character that begins at `index`, or 0.
    static func whiteSpaceLength(_ text: Span<UInt8>, at index: Int) -> Int {
        let length = characterLength(text, at: index)
        switch length {
        case 1:
            let byte = text[index]
            return byte == 0x20 || (0x09...0x0D).contains(byte) ? 1 : 0
        case 2:
            return text[index] == 0xC2 && (text[index + 1] == 0x85 || text[index + 1] == 0xA0) ? 2 : 0
        case 3:
            let code =
                UInt32(text[index] & 0x0F) << 12 | UInt32(text[index + 1] & 0x3F) << 6 | UInt32(text[index + 2] & 0x3F)
            switch code {
            case 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return 3
            default: return 0
            }
        default: return 0
        }
    }

    /// The character before `index` is one of a word.
    static func endsWithWord(_ text: Span<UInt8>, at index: Int) -> Bool {
        for length in 1...4 where index >= length && characterLength(text, at: index - length) == length {
            return isWord(text, at: index - length, length)
        }
        return false
    }

    /// The character at `index` is one of a word.
    static func beginsWithWord(_ text: Span<UInt8>, at index: Int) -> Bool {
        guard index < text.count else { return false }
        let length = characterLength(text, at: index)
        return length > 0 && isWord(text, at: index, length)
    }

    /// Of a word as Unicode's annex on regular expressions has it, and Rust's `\w`.
    private static func isWord(_ text: Span<UInt8>, at index: Int, _ length: Int) -> Bool {
        let bytes = (index..<index + length).map { text[$0] }
        guard let scalar = String(decoding: bytes, as: UTF8.self).unicodeScalars.first else { return false }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
        default: return scalar.properties.isAlphabetic || scalar.properties.isJoinControl
        }
    }

    /// End of the white space that begins at `start`.
    static func endOfWhiteSpace(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < text.count {
            let length = whiteSpaceLength(text, at: index)
            if length == 0 { break }
            index += length
        }
        return index
    }

    /// Start of the white space that ends at `end`, not before `limit`.
    static func startOfWhiteSpace(_ text: Span<UInt8>, endingAt end: Int, limit: Int) -> Int {
        var start = end
        scan: while start > limit {
            for length in 1...3 where start - length >= limit {
                if whiteSpaceLength(text, at: start - length) == length {
                    start -= length
                    continue scan
                }
            }
            break
        }
        return start
    }

    /// The characters of `piece`, lengths only; malformed bytes count one by one.
    static func characterEnds(_ piece: [UInt8]) -> [Int] {
        var ends: [Int] = []
        var index = 0
        while index < piece.count {
            index += max(1, characterLength(piece.span, at: index))
            ends.append(index)
        }
        return ends
    }
}
