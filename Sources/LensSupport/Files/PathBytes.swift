// A path is a `String` everywhere. File systems know bytes: where they are not UTF-8, each byte that is not stands in
// the string as a private character, U+10FF00 plus its value, and is turned back at the system call. The mapping is
// one to one: bytes that spell those characters themselves are kept byte by byte too.

private let firstPrivate: UInt32 = 0x10_FF00

extension Unicode.Scalar {
    /// The byte that this character stands for in a path, where it stands for one.
    var pathByte: UInt8? { value >= firstPrivate + 0x80 ? UInt8(value - firstPrivate) : nil }
}

extension String {
    /// The path that these bytes name.
    package init(pathBytes bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        if firstInvalidUTF8(bytes[...]) == nil && !bytes.contains(0xF4) {
            self = String(decoding: bytes, as: UTF8.self)
            return
        }
        var result = ""
        var rest = bytes[...]
        func keep(_ bytes: ArraySlice<UInt8>) {
            for byte in bytes {
                if let scalar = Unicode.Scalar(firstPrivate + UInt32(byte)) { result.unicodeScalars.append(scalar) }
            }
        }
        while !rest.isEmpty {
            let end = firstInvalidUTF8(rest) ?? rest.endIndex
            for scalar in String(decoding: rest[rest.startIndex..<end], as: UTF8.self).unicodeScalars {
                if scalar.pathByte == nil {
                    result.unicodeScalars.append(scalar)
                } else {
                    keep(Array(String(scalar).utf8)[...])
                }
            }
            rest = rest[end...]
            if let byte = rest.first {
                keep([byte])
                rest.removeFirst()
            }
        }
        self = result
    }

    /// The bytes of a path.
    package var pathBytes: [UInt8] {
        guard unicodeScalars.contains(where: { $0.pathByte != nil }) else { return Array(utf8) }
        return unicodeScalars.flatMap { scalar in scalar.pathByte.map { [$0] } ?? Array(String(scalar).utf8) }
    }

    /// Calls `body` with the path as the system wants it: its bytes, then a zero.
    package func withPathBytes<Result>(_ body: (UnsafePointer<CChar>) -> Result) -> Result {
        let bytes = pathBytes.map(CChar.init(bitPattern:)) + [0]
        return unsafe bytes.withUnsafeBufferPointer { unsafe body($0.baseAddress.unsafelyUnwrapped) }
    }

    /// The part before the last slash: `.` where there is none.
    package var parentFolder: String {
        guard let slash = utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == startIndex ? "/" : String(self[..<slash])
    }

    /// The part after the last slash, not counting slashes at the end.
    package var lastPathComponent: String {
        split(separator: "/").last.map(String.init) ?? self
    }
}
