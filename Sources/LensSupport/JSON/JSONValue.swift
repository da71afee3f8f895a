/// A JSON value. Integers stay exact; members of an object keep their order.
///
/// Strings and keys are UTF-8 bytes: `String` takes canonically equivalent ones for equal, and the tokens of a
/// vocabulary are not.
package enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string([UInt8])
    case array([JSONValue])
    case object([JSONMember])

    package init(_ text: String) { self = .string(Array(text.utf8)) }
    package init(_ members: [(String, JSONValue)]) { self = .object(members.map { JSONMember($0, $1) }) }

    package var bytes: [UInt8]? { if case .string(let x) = self { x } else { nil } }
    package var string: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
    package var bool: Bool? { if case .bool(let x) = self { x } else { nil } }
    package var array: [JSONValue]? { if case .array(let x) = self { x } else { nil } }
    package var members: [JSONMember]? { if case .object(let x) = self { x } else { nil } }

    /// An integer, also when written with a zero fraction (`8192.0`).
    package var integer: Int? {
        switch self {
        case .integer(let x): x
        case .number(let x): Int(exactly: x)
        default: nil
        }
    }

    package var number: Double? {
        switch self {
        case .integer(let x): Double(x)
        case .number(let x): x
        default: nil
        }
    }

    /// The value of a key that is there and not `null`.
    package subscript(key: String) -> JSONValue? {
        let value = member(key)
        return value == .null ? nil : value
    }

    /// The value of a key, the last one where it comes twice; `null` too.
    package func member(_ key: String) -> JSONValue? { members?.last { $0.key.elementsEqual(key.utf8) }?.value }
}

/// A key of a JSON object and its value.
package struct JSONMember: Equatable, Sendable {
    package let key: [UInt8]
    package let value: JSONValue

    package var name: String { String(decoding: key, as: UTF8.self) }

    package init(key: [UInt8], value: JSONValue) {
        self.key = key
        self.value = value
    }

    package init(_ name: String, _ value: JSONValue) { self.init(key: Array(name.utf8), value: value) }
}

// MARK: Reading

extension JSONValue {
    /// Parses a text of one value. `path` is for messages.
    ///
    /// A key that comes twice in an object is refused, or kept where keys need not be unique.
    package static func parse(_ text: [UInt8], path: String, uniqueKeys: Bool = true) throws(LensError) -> JSONValue {
        var json = JSONScanner(text, place: path, position: text.byteOrderMarkCount)
        let value = try json.value(uniqueKeys: uniqueKeys, depth: 0)
        try json.end()
        return value
    }
}

extension JSONScanner {
    fileprivate mutating func value(uniqueKeys: Bool, depth: Int) throws(LensError) -> JSONValue {
        try checkDepth(depth)
        var first = true
        switch peek() {
        case UInt8(ascii: "{"):
            var members: [JSONMember] = []
            var names: Set<String> = []
            try beginObject()
            while let key = try nextKey(&first) {
                let value = try value(uniqueKeys: uniqueKeys, depth: depth + 1)
                let member = JSONMember(key: key, value: value)
                if uniqueKeys, !names.insert(member.name).inserted {
                    throw error("the key \"\(member.name.prefix(100))\" is there twice.")
                }
                members.append(member)
            }
            return .object(members)
        case UInt8(ascii: "["):
            var elements: [JSONValue] = []
            try beginArray()
            while try nextElement(&first) { elements.append(try value(uniqueKeys: uniqueKeys, depth: depth + 1)) }
            return .array(elements)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), .some(0x30...0x39):
            let start = position
            let text = try number()
            if let integer = Int(json: text) { return .integer(integer) }
            let spelling = String(decoding: text, as: UTF8.self)
            guard let number = Double(spelling), number.isFinite else {
                throw error("the number \(spelling.prefix(40)) does not fit a double.", at: start)
            }
            return .number(number)
        default: return try literal().map(JSONValue.bool) ?? .null
        }
    }
}

// MARK: Literals

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self.init(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
