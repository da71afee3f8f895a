extension JSONValue {
    /// JSON text without any space.
    package var compactText: [UInt8] {
        var output: [UInt8] = []
        write(to: &output, indentation: nil)
        return output
    }

    /// JSON text as people edit it: objects, and arrays of them, over several lines.
    package var prettyText: [UInt8] {
        var output: [UInt8] = []
        write(to: &output, indentation: 0)
        return output + "\n".utf8
    }

    private func write(to output: inout [UInt8], indentation: Int?) {
        switch self {
        case .null: output += "null".utf8
        case .bool(let x): output += (x ? "true" : "false").utf8
        case .integer(let x): output += x.description.utf8
        case .number(let x):
            precondition(x.isFinite, "JSON has no infinite numbers")
            output += x.description.utf8
        case .string(let x): output.appendJSON(utf8: x)
        case .array(let elements):
            let isFlat = elements.allSatisfy { $0.array == nil && $0.members == nil }
            let separator = isFlat && indentation != nil ? ", " : ","
            output += "[".utf8
            for (index, element) in elements.enumerated() {
                if index > 0 { output += separator.utf8 }
                let inner = isFlat ? nil : output.appendLine(indentation, deeper: 2)
                element.write(to: &output, indentation: inner)
            }
            if !isFlat { output.appendLine(indentation) }
            output += "]".utf8
        case .object(let members):
            output += "{".utf8
            for (index, member) in members.enumerated() {
                if index > 0 { output += ",".utf8 }
                let inner = output.appendLine(indentation, deeper: 2)
                output.appendJSON(utf8: member.key)
                output += (indentation == nil ? ":" : ": ").utf8
                member.value.write(to: &output, indentation: inner)
            }
            if !members.isEmpty { output.appendLine(indentation) }
            output += "}".utf8
        }
    }
}

extension Array where Element == UInt8 {
    /// Appends a JSON string.
    package mutating func appendJSON(_ text: String) { appendJSON(utf8: Array(text.utf8)) }

    /// Appends a JSON string. `text` must be UTF-8.
    fileprivate mutating func appendJSON(utf8 text: [UInt8]) {
        append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): self += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): self += "\\n".utf8
            case UInt8(ascii: "\t"): self += "\\t".utf8
            case UInt8(ascii: "\r"): self += "\\r".utf8
            case 0..<0x20: self += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }

    /// Begins a line indented by `indentation` + `deeper`, which it returns; nothing for nil.
    @discardableResult
    fileprivate mutating func appendLine(_ indentation: Int?, deeper: Int = 0) -> Int? {
        guard let indentation else { return nil }
        append(UInt8(ascii: "\n"))
        self += repeatElement(UInt8(ascii: " "), count: indentation + deeper)
        return indentation + deeper
    }
}
