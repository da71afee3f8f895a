import LensSupport

/// The documents of JSON lines: `{"text": …}` or `{"tokens": [ids…]}` a line, optional `"id"`; other keys are
/// named in the document.
final class DocumentLines {
    private let lines: LineReader
    private let stream: ByteStream
    private let name: String

    /// - Parameter name: begins the id of a document that has none of its own, before the number of its line.
    init(_ stream: ByteStream, name: String) {
        self.stream = stream
        self.name = name
        lines = LineReader(stream)
    }

    /// Bytes of the file, as it is stored, up to the end of the last line.
    var position: Int { min(stream.storedCount, stream.isCompressed ? .max : lines.end) }

    /// Whether the next line is there, or something of it, without waiting for a pipe.
    var isReady: Bool { lines.hasLine || stream.isReady }

    /// The next document, which may be empty, or nil at the end.
    func next() throws(LensError) -> Document? {
        let hint =
            lines.line == 0
            ? ForeignFile.describe(try stream.peek(ForeignFile.startLength), as: .document, evenText: true) : nil
        while let line = try lines.next() {
            if line.isBlankLine { continue }
            let source = "\(lines.path), line \(lines.line)"
            do throws(LensError) {
                return try Self.document(line, source: source, defaultID: "\(name):\(lines.line)")
            } catch {
                if let hint { throw .data("\(lines.path) \(hint)") }
                throw error
            }
        }
        return nil
    }

    private static func document(_ line: [UInt8], source: String, defaultID: String) throws(LensError) -> Document {
        var json = JSONScanner(line, place: source)
        var document = Document(id: defaultID, content: .text([]), source: source)
        var seen: Set<String> = []
        var first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            let name = String(decoding: key, as: UTF8.self)
            guard ["text", "tokens", "id", "messages"].contains(name) else {
                document.unreadKeys.append(name)
                try json.skip()
                continue
            }
            guard seen.insert(name).inserted, !seen.isSuperset(of: ["text", "tokens"]) else {
                throw .data(
                    name == "id"
                        ? "\(source) has more than one \"id\"."
                        : "\(source) has more than one \"text\" or \"tokens\"; a document is one of the two.")
            }
            switch name {
            case "text": document.content = .text(try json.string())
            case "tokens": document.content = .tokens(try tokens(&json))
            case "id": document.id = try identifier(&json) ?? defaultID
            default:
                document.unreadKeys.append(name)
                try json.skip()
            }
        }
        try json.end()
        if !seen.isDisjoint(with: ["text", "tokens"]) { return document }
        throw .data(
            seen.contains("messages")
                ? "\(source) is a conversation (\"messages\"), and conversations are not read yet. Render it to \"text\" "
                    + "with the model's chat template."
                : "\(source) has neither \"text\" nor \"tokens\"; a document is one of the two.")
    }

    private static func tokens(_ json: inout JSONScanner) throws(LensError) -> [Int32] {
        var tokens: [Int32] = []
        var first = true
        try json.beginArray()
        while try json.nextElement(&first) {
            tokens.append(Int32(try json.integer("tokens[\(tokens.count)]", in: 0...Int(Int32.max))))
        }
        return tokens
    }

    private static func identifier(_ json: inout JSONScanner) throws(LensError) -> String? {
        if json.accept("null") { return nil }
        let bytes = json.peek() == UInt8(ascii: "\"") ? try json.string()[...] : try json.number()
        return String(decoding: bytes, as: UTF8.self)
    }
}
