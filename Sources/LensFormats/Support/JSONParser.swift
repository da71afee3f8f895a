import LensSupport

/// A strict reader of JSON text from untrusted files (RFC 8259).
///
/// It limits the nesting, so that no text can exhaust the stack, refuses a key that comes twice, and keeps integers
/// exact. A number too large for a double is an error, never infinity.
package struct JSONParser {
    /// Nesting beyond this is refused; model configurations have three levels.
    package static let depthLimit = 128

    private let bytes: [UInt8]
    private let path: String
    private var offset = 0

    /// Parses one value, with nothing but space after it. `path` is for messages.
    package static func parse(_ bytes: [UInt8], path: String) throws(LensError) -> JSONValue {
        var parser = JSONParser(bytes: bytes, path: path)
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { parser.offset = 3 }
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw parser.failure("nothing more after the value") }
        return value
    }

    private init(bytes: [UInt8], path: String) {
        self.bytes = bytes
        self.path = path
    }

    private func failure(_ expected: String) -> LensError {
        let line = bytes[..<min(offset, bytes.count)].reduce(1) { $0 + ($1 == UInt8(ascii: "\n") ? 1 : 0) }
        return .data("\(path) is not valid JSON: expected \(expected) at byte \(offset) (line \(line)).")
    }

    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
    }

    /// Skips `byte` if it comes next.
    private mutating func accept(_ character: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: character) else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(LensError) -> JSONValue {
        guard depth < JSONParser.depthLimit else {
            throw failure("no more than \(JSONParser.depthLimit) nested levels")
        }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSONValue) throws(LensError) -> JSONValue {
        let count = text.utf8CodeUnitCount
        let matches = text.withUTF8Buffer { unsafe bytes[offset...].starts(with: $0) }
        guard matches else { throw failure("a value") }
        offset += count
        return value
    }

    private mutating func array(depth: Int) throws(LensError) -> JSONValue {
        offset += 1
        var elements: [JSONValue] = []
        skipSpace()
        if accept("]") { return .array(elements) }
        repeat {
            elements.append(try value(depth: depth + 1))
            skipSpace()
        } while accept(",")
        guard accept("]") else { throw failure("`,` or `]`") }
        return .array(elements)
    }

    private mutating func object(depth: Int) throws(LensError) -> JSONValue {
        offset += 1
        var members = JSONObject()
        skipSpace()
        if accept("}") { return .object(members) }
        repeat {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw failure("a key in quotes") }
            let key = try string()
            guard members[key] == nil else { throw failure("each key once, but \"\(key.prefix(100))\" comes again") }
            skipSpace()
            guard accept(":") else { throw failure("`:`") }
            members.set(key, try value(depth: depth + 1))
            skipSpace()
        } while accept(",")
        guard accept("}") else { throw failure("`,` or `}`") }
        return .object(members)
    }

    private mutating func number() throws(LensError) -> JSONValue {
        let start = offset
        _ = accept("-")
        let leadingZero = next == UInt8(ascii: "0")
        let digits = skipDigits()
        guard digits > 0, !(leadingZero && digits > 1) else {
            offset = start
            throw failure("a value")
        }
        var isInteger = true
        if accept(".") {
            isInteger = false
            guard skipDigits() > 0 else { throw failure("digits after the point") }
        }
        if accept("e") || accept("E") {
            isInteger = false
            if !accept("+") { _ = accept("-") }
            guard skipDigits() > 0 else { throw failure("digits of the exponent") }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        if isInteger, let integer = Int(text) { return .integer(integer) }
        guard let number = Double(text), number.isFinite else {
            offset = start
            throw failure("a number that fits a double, not \(text.prefix(40))")
        }
        return .number(number)
    }

    private mutating func skipDigits() -> Int {
        let start = offset
        while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { offset += 1 }
        return offset - start
    }

    private mutating func string() throws(LensError) -> String {
        let start = offset
        offset += 1
        var content: [UInt8] = []
        while true {
            guard let byte = next, byte >= 0x20 else { throw failure("the end of a string") }
            offset += 1
            if byte == UInt8(ascii: "\"") { break }
            if byte == UInt8(ascii: "\\") { try escape(into: &content) } else { content.append(byte) }
        }
        guard let text = String(validating: content, as: UTF8.self) else {
            offset = start
            throw failure("a string in UTF-8")
        }
        return text
    }

    private mutating func escape(into content: inout [UInt8]) throws(LensError) {
        guard let byte = next else { throw failure("an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): content.append(byte)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try unicodeEscape()
            content.append(contentsOf: String(Character(scalar)).utf8)
        default: throw failure("a known escape")
        }
    }

    /// After `\u`: one unit, or a pair of surrogates. A lone surrogate has no UTF-8 and is refused.
    private mutating func unicodeEscape() throws(LensError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, accept("\\"), accept("u") else { throw failure("a pair of surrogates") }
        let second = try hexadecimal()
        guard second >= 0xDC00, second < 0xE000,
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw failure("a pair of surrogates") }
        return scalar
    }

    private mutating func hexadecimal() throws(LensError) -> UInt32 {
        guard offset + 4 <= bytes.count else { throw failure("four hexadecimal digits") }
        var value: UInt32 = 0
        for byte in bytes[offset..<offset + 4] {
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw failure("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
        }
        offset += 4
        return value
    }
}
