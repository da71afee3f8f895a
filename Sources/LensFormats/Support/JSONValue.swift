/// A JSON value. Integers stay exact; members of an object keep their order.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)

    package var string: String? { if case .string(let x) = self { x } else { nil } }
    package var bool: Bool? { if case .bool(let x) = self { x } else { nil } }
    package var array: [JSONValue]? { if case .array(let x) = self { x } else { nil } }
    package var object: JSONObject? { if case .object(let x) = self { x } else { nil } }

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
}

/// The members of a JSON object, in order and by key.
package struct JSONObject: Equatable, Sendable {
    package private(set) var keys: [String] = []
    private var values: [String: JSONValue] = [:]

    package init() {}

    package init(_ members: [(String, JSONValue)]) { for (key, value) in members { set(key, value) } }

    package var count: Int { keys.count }

    package subscript(key: String) -> JSONValue? { values[key] }

    /// Adds a member at the end, or changes it in place.
    package mutating func set(_ key: String, _ value: JSONValue) {
        if values.updateValue(value, forKey: key) == nil { keys.append(key) }
    }

    /// The value of a key that is there and not `null`.
    package func present(_ key: String) -> JSONValue? {
        guard let value = values[key], value != .null else { return nil }
        return value
    }
}

extension JSONValue {
    /// JSON text: objects and long arrays over several lines, as people edit configuration files.
    package var text: String {
        var output = ""
        write(to: &output, indentation: 0)
        return output + "\n"
    }

    /// JSON text without any space.
    package var compactText: String {
        var output = ""
        write(to: &output, indentation: nil)
        return output
    }

    private func write(to output: inout String, indentation: Int?) {
        switch self {
        case .null: output += "null"
        case .bool(let x): output += x ? "true" : "false"
        case .integer(let x): output += String(x)
        case .number(let x):
            precondition(x.isFinite, "JSON has no infinite numbers")
            output += x.description
        case .string(let x): JSONValue.write(x, to: &output)
        case .array(let elements):
            let scalar = elements.allSatisfy { $0.array == nil && $0.object == nil }
            JSONValue.write(elements.count, ("[", "]"), to: &output, scalar ? nil : indentation) {
                index, inner, output in
                if index > 0 && scalar && indentation != nil { output += " " }
                elements[index].write(to: &output, indentation: inner)
            }
        case .object(let object):
            JSONValue.write(object.count, ("{", "}"), to: &output, indentation) { index, inner, output in
                JSONValue.write(object.keys[index], to: &output)
                output += indentation == nil ? ":" : ": "
                (object[object.keys[index]] ?? .null).write(to: &output, indentation: inner)
            }
        }
    }

    private static func write(
        _ count: Int, _ brackets: (String, String), to output: inout String, _ indentation: Int?,
        element: (Int, Int?, inout String) -> Void
    ) {
        let inner = indentation.map { $0 + 2 }
        output += brackets.0
        for index in 0..<count {
            if index > 0 { output += "," }
            if let inner { output += "\n" + String(repeating: " ", count: inner) }
            element(index, inner, &output)
        }
        if count > 0, let indentation { output += "\n" + String(repeating: " ", count: indentation) }
        output += brackets.1
    }

    private static func write(_ string: String, to output: inout String) {
        output += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": output += "\\\""
            case "\\": output += "\\\\"
            case "\n": output += "\\n"
            case "\t": output += "\\t"
            case "\r": output += "\\r"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: output.unicodeScalars.append(scalar)
            }
        }
        output += "\""
    }
}
