extension String {
    /// The text as it may go to a terminal: control characters, which names and contents of files can hold, are written
    /// as `\x1b` and so on. So are characters that turn the direction of writing, and bytes of paths that are not UTF-8.
    package var printable: String {
        guard unicodeScalars.contains(where: { $0.escape != nil }) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if let escape = scalar.escape { result += escape } else { result.unicodeScalars.append(scalar) }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// How a character that a terminal would obey is written.
    fileprivate var escape: String? {
        if let byte = pathByte { return "\\x" + String(byte, radix: 16) }
        switch value {
        case 0..<0x20, 0x7F..<0xA0: return "\\x" + (value < 0x10 ? "0" : "") + String(value, radix: 16)
        case 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069: return "\\u{" + String(value, radix: 16) + "}"
        default: return nil
        }
    }
}
