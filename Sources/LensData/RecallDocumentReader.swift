import LensSupport

/// Reads the documents that ``RecallDocumentGenerator`` makes, one JSON object a line, holding one at a time.
package final class RecallDocumentReader {
    private var files: ArraySlice<DocumentFile>
    private let standardInput: Int32
    private let whileWaiting: (@Sendable () throws(LensError) -> Void)?
    private var current: (lines: LineReader, stream: ByteStream)?
    private let warn: (String) -> Void
    private var unreadKeys = UnreadKeys(.measuring)
    private var finishedByteCount = 0
    private var documentCount = 0

    /// Bytes of all input as it is stored; nil where a pipe or standard input is among it.
    package let byteCount: Int?

    /// Finds the files, as ``DocumentReader`` does; `warn` is told what it would tell.
    package init(
        paths: [String], standardInput: Int32 = 0, warn: @escaping (String) -> Void = { _ in },
        whileWaiting: (@Sendable () throws(LensError) -> Void)? = nil
    ) throws(LensError) {
        let files = try DocumentFile.find(paths, format: .auto, warn: warn)
        self.files = files[...]
        self.standardInput = standardInput
        self.warn = warn
        self.whileWaiting = whileWaiting
        byteCount = files.allSatisfy { $0.byteCount != nil } ? files.reduce(0) { $0 + ($1.byteCount ?? 0) } : nil
    }

    /// Bytes of the input, as it is stored, that were read so far.
    package var position: Int { finishedByteCount + (current?.stream.storedCount ?? 0) }

    /// The next document, or nil when all are read.
    ///
    /// `.data` names the line that is no such document, or says that there was none at all.
    package func next() throws(LensError) -> RecallDocument? {
        while true {
            if let current {
                while let line = try current.lines.next() {
                    if line.isBlankLine { continue }
                    let source = "\(current.lines.path), line \(current.lines.line)"
                    let (document, unread) = try RecallDocument.read(line, source: source)
                    try unreadKeys.check(unread, in: source, warn: warn)
                    documentCount += 1
                    return document
                }
                finishedByteCount += current.stream.storedCount
                self.current = nil
            }
            guard let file = files.popFirst() else {
                guard documentCount > 0 else { throw .data("There is no document: what was given holds none.") }
                return nil
            }
            let stream = try ByteStream(file.input(standardInput: standardInput, whileWaiting: whileWaiting))
            if let foreign = ForeignFile.describe(
                try stream.peek(ForeignFile.startLength), as: .document, evenText: true)
            {
                throw .data("\(stream.path) \(foreign)")
            }
            current = (LineReader(stream), stream)
        }
    }
}

extension RecallDocument {
    /// Reads a line as `generate` writes it, and the names of the keys that it has beside them. `.data` names `source`.
    fileprivate static func read(
        _ line: [UInt8], source: String
    ) throws(LensError) -> (document: RecallDocument, unread: [String]) {
        let json = try JSONValue.parse(line, path: source)
        guard let members = json.members, let id = json["id"]?.string, let text = json["text"]?.string,
            let list = json["facts"]?.array, case let facts = list.compactMap(fact), facts.count == list.count
        else {
            throw .data(
                "\(source), is no recall document: an object with id, text and facts was expected, as longlens generate "
                    + "writes.")
        }
        let unread = members.map(\.name).filter { !["id", "text", "facts"].contains($0) }
        return (RecallDocument(id: id, text: text, facts: facts), unread)
    }

    private static func fact(_ json: JSONValue) -> Fact? {
        func range(_ key: String) -> [Int]? {
            guard let ends = json[key]?.array, case let numbers = ends.compactMap(\.integer),
                numbers.count == ends.count
            else { return nil }
            return numbers
        }
        guard let stated = range("stated"), let asked = range("asked") else { return nil }
        return Fact(stated: stated, asked: asked)
    }
}
