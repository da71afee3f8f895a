import LensSupport

/// A JSON document as a tree that keeps strings as bytes, keys in order and duplicates: a vocabulary's keys may be
/// canonically equivalent, which Swift's `String` would take for equal.
enum JSONValue: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string([UInt8])
    case array([JSONValue])
    case object([(key: [UInt8], value: JSONValue)])

    /// Parses a whole document (RFC 8259, UTF-8). `path` is for messages.
    static func parse(_ bytes: [UInt8], path: String) throws(LensError) -> JSONValue {
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        guard UTF8Scan.isValid(bytes) else {
            let offset = UTF8Scan.endOfValid(bytes.span, from: 0)
            throw .data("\(path): byte \(offset) is not UTF-8; a JSON file must be.")
        }
        var parser = JSONParser(bytes: bytes, index: start, path: path)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.index == bytes.count else { throw parser.error("the end of the file") }
        return value
    }

    /// The value of a key; of the same key given twice, the last (as Rust's serde has it). Nil for null too.
    subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        let name = Array(key.utf8)
        guard let value = members.last(where: { $0.key == name })?.value else { return nil }
        if case .null = value { return nil }
        return value
    }

    var string: String? { if case .string(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil } }
    var bytes: [UInt8]? { if case .string(let bytes) = self { bytes } else { nil } }
    var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}

/// Recursive descent over bytes known to be UTF-8.
private struct JSONParser {
    /// Tokenizer files nest about eight deep.
    static let deepest = 64

    let bytes: [UInt8]
    var index: Int
    let path: String

    func error(_ expected: String) -> LensError {
        let line = bytes[..<min(index, bytes.count)].count { $0 == 0x0A } + 1
        let found = index < bytes.count ? "something else" : "the end of the file"
        return .data("\(path): not JSON at byte \(index), line \(line): expected \(expected), found \(found).")
    }

    mutating func skipSpace() {
        while index < bytes.count,
            bytes[index] == 0x20 || bytes[index] == 0x0A || bytes[index] == 0x0D || bytes[index] == 0x09
        {
            index += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard index < bytes.count, bytes[index] == byte else { return false }
        index += 1
        return true
    }

    mutating func value(depth: Int) throws(LensError) -> JSONValue {
        guard depth < Self.deepest else {
            throw .data("\(path): JSON nested more than \(Self.deepest) deep at byte \(index); no tokenizer file is.")
        }
        skipSpace()
        guard index < bytes.count else { throw error("a value") }
        switch bytes[index] {
        case UInt8(ascii: "{"): return try object(depth)
        case UInt8(ascii: "["): return try array(depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func object(_ depth: Int) throws(LensError) -> JSONValue {
        index += 1
        var members: [(key: [UInt8], value: JSONValue)] = []
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw error("a key in quotes") }
            let key = try string()
            guard take(UInt8(ascii: ":")) else { throw error("a colon") }
            members.append((key, try value(depth: depth + 1)))
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw error("a comma or }") }
        return .object(members)
    }

    private mutating func array(_ depth: Int) throws(LensError) -> JSONValue {
        index += 1
        var values: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .array(values) }
        repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw error("a comma or ]") }
        return .array(values)
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(LensError) -> JSONValue {
        let letters = Array(word.description.utf8)
        guard bytes[index...].starts(with: letters) else { throw error("a value") }
        index += letters.count
        return value
    }

    private mutating func number() throws(LensError) -> JSONValue {
        let start = index
        var isInteger = true
        scan: while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): break
            case UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): isInteger = false
            default: break scan
            }
            index += 1
        }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        if isInteger, let value = Int(text) { return .integer(value) }
        if let first = bytes[start..<index].first, first == UInt8(ascii: "-") || first < 0x3A, let value = Double(text),
            value.isFinite
        {
            return .number(value)
        }
        index = start
        throw error("a value")
    }

    private mutating func string() throws(LensError) -> [UInt8] {
        index += 1
        let start = index
        while index < bytes.count, bytes[index] != UInt8(ascii: "\""), bytes[index] != UInt8(ascii: "\\"),
            bytes[index] >= 0x20
        {
            index += 1
        }
        var result = Array(bytes[start..<index])
        while true {
            guard index < bytes.count else { throw error("a quote that ends the string") }
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                return result
            case UInt8(ascii: "\\"): try escape(&result)
            case 0..<0x20: throw error("no control character in a string")
            default:
                result.append(bytes[index])
                index += 1
            }
        }
    }

    private mutating func escape(_ result: inout [UInt8]) throws(LensError) {
        guard index + 1 < bytes.count else { throw error("an escaped character") }
        let letter = bytes[index + 1]
        index += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(letter)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if code & 0xFC00 == 0xD800 {
                guard index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"), bytes[index + 1] == UInt8(ascii: "u")
                else { throw error("the second half of a surrogate pair") }
                index += 2
                let low = try hexadecimal()
                guard low & 0xFC00 == 0xDC00 else { throw error("the second half of a surrogate pair") }
                code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
            }
            guard let scalar = Unicode.Scalar(code) else { throw error("a Unicode character") }
            result.append(contentsOf: String(scalar).utf8)
        default: throw error("an escape that JSON knows")
        }
    }

    private mutating func hexadecimal() throws(LensError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, let digit = Character(UnicodeScalar(bytes[index])).hexDigitValue else {
                throw error("a hexadecimal digit")
            }
            code = code << 4 | UInt32(digit)
            index += 1
        }
        return code
    }
}

/// Writes JSON.
enum JSONWriter {
    /// `text` in quotes; it must be UTF-8.
    static func append(_ text: [UInt8], to output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        output.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                output.append(UInt8(ascii: "\\"))
                output.append(byte)
            case 0..<0x20, 0x7F:
                output.append(contentsOf: Array("\\u00".utf8) + [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    static func append(_ value: JSONValue, to output: inout [UInt8]) {
        switch value {
        case .null: output.append(contentsOf: "null".utf8)
        case .bool(let value): output.append(contentsOf: (value ? "true" : "false").utf8)
        case .integer(let value): output.append(contentsOf: String(value).utf8)
        case .number(let value): output.append(contentsOf: String(value).utf8)
        case .string(let bytes): append(bytes, to: &output)
        case .array(let values):
            output.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                append(value, to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                append(member.key, to: &output)
                output.append(UInt8(ascii: ":"))
                append(member.value, to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(Array(value.utf8)) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { (key: Array($0.0.utf8), value: $0.1) })
    }
}
