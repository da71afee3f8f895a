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
        if let foreign = Self.foreign(start) {
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
            let isLaidOut = line.dropFirst().allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
            return hasKey || isLaidOut ? .unclear : .text
        }
    }

    // MARK: What is no document

    /// What the bytes are when they are known to be no text: a sentence, or nil.
    static func foreign(_ start: [UInt8]) -> String? {
        if let encoding = otherEncoding(start) {
            return "is \(encoding) text. Convert it first: iconv -f \(encoding) -t UTF-8."
        }
        for (signature, text) in signatures where start.starts(with: signature) { return text }
        return nil
    }

    /// What a file that cannot be read as it should be looks like; for messages.
    static func hint(_ start: [UInt8]) -> String? {
        if let foreign = foreign(start) { return foreign }
        let beginning = String(decoding: start.prefix(256), as: UTF8.self).drop(while: \.isWhitespace).lowercased()
        return beginning.hasPrefix("<!doctype html") || beginning.hasPrefix("<html")
            ? "is an HTML page, perhaps of a download that needs a login." : nil
    }

    private static func otherEncoding(_ start: [UInt8]) -> String? {
        if start.starts(with: [0xFF, 0xFE, 0, 0]) { return "UTF-32LE" }
        if start.starts(with: [0, 0, 0xFE, 0xFF]) { return "UTF-32BE" }
        if start.starts(with: [0xFF, 0xFE]) { return "UTF-16LE" }
        if start.starts(with: [0xFE, 0xFF]) { return "UTF-16BE" }
        // Western text of 16 bits without a mark: every other byte is zero.
        let pairs = start.prefix(64)
        guard pairs.count >= 8, pairs.count % 2 == 0 else { return nil }
        let zeros = pairs.enumerated().map { $0.element == 0 }
        if zeros.enumerated().allSatisfy({ $0.element == ($0.offset % 2 == 1) }) { return "UTF-16LE" }
        if zeros.enumerated().allSatisfy({ $0.element == ($0.offset % 2 == 0) }) { return "UTF-16BE" }
        return nil
    }

    private static let signatures: [([UInt8], String)] = [
        (
            Array("version https://git-lfs.github.com/spec/".utf8),
            "is a git-lfs pointer, not the file itself. Fetch it with: git lfs pull."
        ),
        (Array("%PDF-".utf8), "is a PDF document. Extract its text first, with pdftotext for example."),
        (Array("PK\u{3}\u{4}".utf8), "is a ZIP archive, as .docx, .epub and .zip files are. Extract its text first."),
        (Array("GGUF\u{2}\0".utf8), "is a GGUF model, not a document."),
        (Array("GGUF\u{3}\0".utf8), "is a GGUF model, not a document."),
        (
            [0xFD, 0x37, 0x7A, 0x58, 0x5A],
            "is compressed with xz. Decompress it first; .gz and .zst are read as they are."
        ),
        (
            Array("BZh91AY&SY".utf8),
            "is compressed with bzip2. Decompress it first; .gz and .zst are read as they are."
        ),
        (Array("PAR1\u{15}".utf8), "is a Parquet file. Write its texts as JSON lines first."),
        ([0x7F, 0x45, 0x4C, 0x46], "is a program, not a document."),
    ]
}
