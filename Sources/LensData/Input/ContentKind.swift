import LensSupport

/// What the beginning of a file tells of it.
enum ContentKind: Equatable {
    case text
    /// JSON lines of documents.
    case lines
    /// It begins like JSON, and its first line is no document.
    case unclear
    /// No document at all: what it is, and what to do.
    case foreign(String)

    /// Bytes that are looked at, but for the first line of what begins like JSON.
    private static let beginning = 4096
    /// Of a first line.
    private static let lineLimit = 1 << 26

    init(_ stream: ByteStream) throws(LensError) {
        let start = try stream.peek(Self.beginning)
        if let foreign = ForeignFile.describe(start, as: .document) {
            self = .foreign(foreign)
            return
        }
        let visible = start.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        switch visible.first {
        case UInt8(ascii: "{"): self = try Self.object(stream)
        case UInt8(ascii: "["):
            let next = visible.dropFirst().first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
            self = next == UInt8(ascii: "{") ? .unclear : .text
        default: self = .text
        }
    }

    private static func object(_ stream: ByteStream) throws(LensError) -> ContentKind {
        var count = beginning
        while true {
            let bytes = try stream.peek(count)
            let start = bytes.firstIndex { $0 == UInt8(ascii: "{") } ?? bytes.endIndex
            let end = bytes[start...].firstIndex(of: 0x0A)
            if end == nil && bytes.count >= count && count < lineLimit {
                count *= 4
                continue
            }
            return kind(ofLine: Array(bytes[start..<(end ?? bytes.endIndex)]))
        }
    }

    /// A line that begins with a brace. A line that was cut off is told by the keys before the cut.
    private static func kind(ofLine line: [UInt8]) -> ContentKind {
        var json = JSONScanner(line, place: "")
        var first = true
        var hasKey = false
        do throws(LensError) {
            try json.beginObject()
            while let key = try json.nextKey(&first) {
                hasKey = true
                if ["text", "tokens", "messages"].contains(String(decoding: key, as: UTF8.self)) { return .lines }
                try json.skip()
            }
            return .unclear
        } catch {
            // `{` alone on its line begins a JSON object that is laid out over lines; `{{` or `{a` is no JSON.
            let isLaidOut = line.dropFirst().isBlankLine
            return hasKey || isLaidOut ? .unclear : .text
        }
    }
}
