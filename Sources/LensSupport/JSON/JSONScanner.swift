/// Reads one JSON value (RFC 8259) from front to back, as its reader asks for it; nothing is built that is not wanted.
///
/// The text is not trusted. Every error is `.data` and says where: the place given, the line past the first, the byte.
package struct JSONScanner {
    private let bytes: [UInt8]
    private let place: String
    package private(set) var position: Int

    /// Values nested deeper are refused, so that no text can exhaust the stack.
    package static let depthLimit = 128

    /// `place` (a file, or a file and line) begins every message.
    package init(_ bytes: [UInt8], place: String, position: Int = 0) {
        self.bytes = bytes
        self.place = place
        self.position = position
    }

    package func error(_ problem: String, at offset: Int? = nil) -> LensError {
        let offset = offset ?? position
        let lineFeeds = bytes[..<offset].count { $0 == 0x0A }
        return .data("\(place)\(lineFeeds > 0 ? ", line \(lineFeeds + 1)" : ""), byte \(offset): \(problem)")
    }

    package func checkDepth(_ depth: Int) throws(LensError) {
        guard depth < Self.depthLimit else { throw error("values are nested deeper than \(Self.depthLimit).") }
    }

    /// The first byte of the next value, or nil at the end.
    package mutating func peek() -> UInt8? {
        while let byte, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { position += 1 }
        return byte
    }

    /// Throws when anything but white space is left.
    package mutating func end() throws(LensError) {
        if peek() != nil { throw error("there is something after the end of the JSON value.") }
    }

    // MARK: Objects and arrays

    package mutating func beginObject() throws(LensError) { try expect(UInt8(ascii: "{"), "a JSON object, {…}") }
    package mutating func beginArray() throws(LensError) { try expect(UInt8(ascii: "["), "a JSON array, […]") }

    /// The next key of an object that was begun, its colon passed; nil at the object's end. `first` starts true.
    package mutating func nextKey(_ first: inout Bool) throws(LensError) -> [UInt8]? {
        guard try another(&first, until: UInt8(ascii: "}")) else { return nil }
        let key = try string()
        try expect(UInt8(ascii: ":"), "a colon")
        return key
    }

    /// Whether an array that was begun has another element; false passes its end. `first` starts true.
    package mutating func nextElement(_ first: inout Bool) throws(LensError) -> Bool {
        try another(&first, until: UInt8(ascii: "]"))
    }

    private mutating func another(_ first: inout Bool, until end: UInt8) throws(LensError) -> Bool {
        let next = peek()
        if next == end {
            position += 1
            return false
        }
        if !first { try expect(UInt8(ascii: ","), "a comma or \(Character(Unicode.Scalar(end)))") }
        first = false
        return true
    }

    private mutating func expect(_ byte: UInt8, _ what: @autoclosure () -> String) throws(LensError) {
        guard let next = peek() else { throw error("the JSON ends where \(what()) is expected.") }
        guard next == byte else { throw error("\(what()) is expected here.") }
        position += 1
    }

    // MARK: Strings

    /// A string's UTF-8, escapes resolved.
    package mutating func string() throws(LensError) -> [UInt8] {
        try expect(UInt8(ascii: "\""), "a string")
        var text: [UInt8] = []
        while true {
            let start = position
            while position < bytes.count, bytes[position] >= 0x20, bytes[position] != 0x22, bytes[position] != 0x5C {
                position += 1
            }
            if let invalid = firstInvalidUTF8(bytes[start..<position]) {
                throw error("the text is not valid UTF-8.", at: invalid)
            }
            text += bytes[start..<position]
            guard position < bytes.count else { throw error("the JSON ends inside a string.") }
            switch bytes[position] {
            case 0x22:
                position += 1
                return text
            case 0x5C:
                position += 1
                try escape(into: &text)
            default:
                throw error("a control character must be escaped in a JSON string.")
            }
        }
    }

    private mutating func escape(into text: inout [UInt8]) throws(LensError) {
        guard position < bytes.count else { throw error("the JSON ends inside a string.") }
        position += 1
        switch bytes[position - 1] {
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(bytes[position - 1])
        case UInt8(ascii: "u"):
            let start = position - 2
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [0x5C, UInt8(ascii: "u")]) {
                position += 2
                let low = try hexadecimal()
                if (0xDC00..<0xE000).contains(low) { code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00) }
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw error("the escape is half of a surrogate pair, which is no character.", at: start)
            }
            text += UTF8.encode(scalar).map(Array.init) ?? []
        default:
            throw error("there is no such escape in JSON.", at: position - 2)
        }
    }

    private mutating func hexadecimal() throws(LensError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count, let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw error("four hexadecimal digits are expected after \\u.")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    // MARK: Numbers and other values

    /// A number as it is written, checked against JSON's grammar.
    package mutating func number() throws(LensError) -> ArraySlice<UInt8> {
        _ = peek()
        let start = position
        if byte == UInt8(ascii: "-") { position += 1 }
        let integer = position
        try digits(start)
        if position - integer > 1, bytes[integer] == 0x30 { throw error("a number begins with no zero.", at: start) }
        if byte == UInt8(ascii: ".") {
            position += 1
            try digits(start)
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            try digits(start)
        }
        return bytes[start..<position]
    }

    /// A whole number in `range`; `what` names it in messages.
    package mutating func integer(_ what: @autoclosure () -> String, in range: ClosedRange<Int>) throws(LensError)
        -> Int
    {
        _ = peek()
        let start = position
        let text = try number()
        guard let value = Int(json: text), range.contains(value) else {
            throw error(
                "\(what()) is \(String(decoding: text.prefix(40), as: UTF8.self)), and must be a whole number from "
                    + "\(range.lowerBound) to \(range.upperBound).", at: start)
        }
        return value
    }

    /// A finite fp32 number, correctly rounded; `what` names it in messages.
    package mutating func float(_ what: @autoclosure () -> String) throws(LensError) -> Float {
        let first = peek()
        let start = position
        guard let first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first) else {
            throw error("\(what()) must be a finite number.")
        }
        let text = String(decoding: try number(), as: UTF8.self)
        guard let value = Float(text), value.isFinite else {
            throw error("\(what()) is \(text.prefix(40)), and must be a finite number.", at: start)
        }
        return value
    }

    /// Passes `literal`, which is true, false or null, if it comes next.
    package mutating func accept(_ literal: String) -> Bool {
        _ = peek()
        guard bytes[position...].starts(with: literal.utf8) else { return false }
        position += literal.utf8.count
        return true
    }

    /// Passes any value.
    package mutating func skip(depth: Int = 0) throws(LensError) {
        try checkDepth(depth)
        var first = true
        switch peek() {
        case UInt8(ascii: "{"):
            try beginObject()
            while try nextKey(&first) != nil { try skip(depth: depth + 1) }
        case UInt8(ascii: "["):
            try beginArray()
            while try nextElement(&first) { try skip(depth: depth + 1) }
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "-"), .some(0x30...0x39): _ = try number()
        default: _ = try literal()
        }
    }

    /// True or false; nil for null.
    package mutating func literal() throws(LensError) -> Bool? {
        if accept("true") { return true }
        if accept("false") { return false }
        guard accept("null") else { throw error("a JSON value is expected here.") }
        return nil
    }

    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func digits(_ start: Int) throws(LensError) {
        let first = position
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) { position += 1 }
        if position == first { throw error("a number is expected here.", at: start) }
    }
}

extension Int {
    /// The number that JSON text spells; nil if it has a fraction or an exponent, or is too large.
    init?(json text: ArraySlice<UInt8>) {
        let sign = text.first == UInt8(ascii: "-") ? -1 : 1
        self = 0
        for byte in sign < 0 ? text.dropFirst() : text {
            guard (0x30...0x39).contains(byte) else { return nil }
            let (product, overflow) = multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(sign * Int(byte - 0x30))
            if overflow || carry { return nil }
            self = sum
        }
    }
}
