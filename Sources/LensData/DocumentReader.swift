import LensSupport

/// Reads documents one after the other, holding one at a time.
///
/// A path is a `.txt` file (one document, named like the file), a `.jsonl` file (one document a line: `{"text": …}` or
/// `{"tokens": [ids…]}`, optional `"id"`), a folder of these (sorted by name, with subfolders), or `-`: standard input,
/// one document of text.
public final class DocumentReader {
    private var files: ArraySlice<DocumentFile>
    private let standardInput: Int32
    private var lines: (reader: LineReader, name: String)?

    /// Finds the files: a path that does not exist is `.missing`, one of no known kind `.usage`, before any is read.
    ///
    /// - Parameter standardInput: the descriptor that `-` reads.
    public init(paths: [String], standardInput: Int32 = 0) throws(LensError) {
        guard !paths.isEmpty else { throw .usage("No document is given. \(DocumentFile.expected)") }
        guard paths.count(where: { $0 == "-" }) < 2 else {
            throw .usage("Standard input, -, can be read only once, and is given twice.")
        }
        var files: [DocumentFile] = []
        for path in paths { files += try DocumentFile.find(path) }
        self.files = files[...]
        self.standardInput = standardInput
    }

    /// The next document, or nil when all are read.
    ///
    /// Throws `.data` for malformed JSON, invalid UTF-8 (with its offset) or an empty document, naming file and line.
    public func next() throws(LensError) -> Document? {
        while true {
            if let lines {
                if let document = try nextLine(lines.reader, name: lines.name) { return document }
                self.lines = nil
            }
            guard let file = files.popFirst() else { return nil }
            switch file.kind {
            case .text: return try text(InputFile(path: file.path), id: file.name)
            case .standardInput:
                return try text(InputFile(descriptor: standardInput, name: "standard input"), id: file.name)
            case .lines: lines = (LineReader(try InputFile(path: file.path)), file.name)
            }
        }
    }

    private func text(_ input: InputFile, id: String) throws(LensError) -> Document {
        let bytes = try input.rest()
        guard !bytes.isEmpty else { throw .data("\(input.path) is empty; a document needs at least one character.") }
        if let offset = firstInvalidUTF8(bytes[...]) {
            throw .data("\(input.path), byte \(offset): the text is not valid UTF-8. Convert the file to UTF-8 first.")
        }
        return Document(id: id, content: .text(bytes), source: input.path)
    }

    private func nextLine(_ reader: LineReader, name: String) throws(LensError) -> Document? {
        while var line = try reader.next() {
            if reader.line == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            return try Self.document(
                line, source: "\(reader.path), line \(reader.line)", defaultID: "\(name):\(reader.line)")
        }
        return nil
    }

    // MARK: One line of a .jsonl file

    private static func document(_ line: [UInt8], source: String, defaultID: String) throws(LensError) -> Document {
        var json = JSONScanner(line, place: source)
        var id: String?
        var content: Document.Content?
        var first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            let name = String(decoding: key, as: UTF8.self)
            switch name {
            case "text", "tokens":
                guard content == nil else {
                    throw .data("\(source) has more than one \"text\" or \"tokens\"; a document is one of the two.")
                }
                content = name == "text" ? .text(try json.string()) : .tokens(try tokens(&json))
            case "id":
                guard id == nil else { throw .data("\(source) has more than one \"id\".") }
                id = try identifier(&json)
            default: try json.skip()
            }
        }
        try json.end()
        switch content {
        case nil: throw .data("\(source) has neither \"text\" nor \"tokens\"; a document is one of the two.")
        case .text([]), .tokens([]): throw .data("\(source) is an empty document. Remove the line.")
        case let content?: return Document(id: id ?? defaultID, content: content, source: source)
        }
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
