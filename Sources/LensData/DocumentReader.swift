import LensSupport

/// Reads documents one after the other, holding one at a time.
///
/// A path is a file of text (one document, named like the file) or of JSON lines (one document a line: `{"text": …}` or
/// `{"tokens": [ids…]}`, optional `"id"`; other keys are warned about), a pipe, `-` for standard input, or a folder (its
/// `.txt` and `.jsonl` files sorted by name, with subfolders); gzip and Zstandard are decompressed. What a file is its name
/// says, or its content where the name says nothing, or the format that is asked for.
public final class DocumentReader {
    private var files: ArraySlice<DocumentFile>
    private let standardInput: Int32
    private let whileWaiting: (@Sendable () throws(LensError) -> Void)?
    private let warn: (String) -> Void
    private var current: (stream: ByteStream, lines: DocumentLines?)?
    private var finishedByteCount = 0
    private var documentCount = 0
    private var empty: [String] = []
    private var ids = SeenIDs()
    private var unreadKeys: UnreadKeys

    /// Bytes of all input as it is stored; nil where a pipe or standard input is among it.
    public let byteCount: Int?

    /// Finds the files: a path that does not exist is `.missing` before any is read.
    ///
    /// - Parameters:
    ///   - format: how all of them are read.
    ///   - forTraining: keys of JSON lines that say what each token counts are then an error, and a warning otherwise.
    ///   - standardInput: the descriptor that `-` reads.
    ///   - warn: told of what is left out or doubtful, one paragraph each: files of a folder that are passed over, empty
    ///     documents, ids that come twice, keys that are not read.
    ///   - whileWaiting: called again and again while a pipe gives nothing; what it throws ends the reading.
    public init(
        paths: [String], format: InputFormat = .auto, forTraining: Bool = false, standardInput: Int32 = 0,
        warn: @escaping (String) -> Void = { _ in },
        whileWaiting: (@Sendable () throws(LensError) -> Void)? = nil
    ) throws(LensError) {
        let files = try DocumentFile.find(paths, format: format, warn: warn)
        self.files = files[...]
        self.standardInput = standardInput
        self.whileWaiting = whileWaiting
        self.warn = warn
        unreadKeys = UnreadKeys(forTraining ? .training : .measuring)
        byteCount = files.allSatisfy { $0.byteCount != nil } ? files.reduce(0) { $0 + ($1.byteCount ?? 0) } : nil
    }

    /// Bytes of the input, as it is stored, that the documents given so far were read from; to the line, or to the chunk
    /// where it is compressed.
    public var position: Int { finishedByteCount + (current?.lines?.position ?? current?.stream.storedCount ?? 0) }

    /// Whether the next document may have to be waited for: a pipe gives nothing just now, or is yet to be opened.
    package var mayWait: Bool {
        if let lines = current?.lines { return !lines.isReady }
        return files.first.map { $0.byteCount == nil } ?? false
    }

    /// The next document, or nil when all are read. Empty ones are left out.
    ///
    /// Throws `.data` for malformed JSON, invalid UTF-8 (with its offset) or content that is no document, naming file and
    /// line; at the end, when there was no document at all.
    public func next() throws(LensError) -> Document? {
        while true {
            if let current {
                if let document = try current.lines?.next() {
                    try unreadKeys.check(document.unreadKeys, in: document.source, warn: warn)
                    if accept(document) { return document }
                    continue
                }
                finishedByteCount += current.stream.storedCount
                self.current = nil
            }
            guard let file = files.popFirst() else {
                try finish()
                return nil
            }
            if let document = try open(file), accept(document) { return document }
        }
    }

    /// Begins a file: a text gives its document, of JSON lines the first is yet to come.
    private func open(_ file: DocumentFile) throws(LensError) -> Document? {
        let stream = try ByteStream(file.input(standardInput: standardInput, whileWaiting: whileWaiting))
        if try isText(stream, file) {
            current = (stream, nil)
            return try text(stream, id: file.id)
        }
        current = (stream, DocumentLines(stream, name: file.id))
        return nil
    }

    private func isText(_ stream: ByteStream, _ file: DocumentFile) throws(LensError) -> Bool {
        if file.isExplicit { return file.format == .text }
        switch (try ContentKind(stream), file.format) {
        case (.foreign(let what), _): throw .data("\(stream.path) \(what)")
        case (_, .jsonl): return false
        case (.lines, .text):
            warn(
                "\(stream.path) looks like JSON lines, and is read as one text because of its name. --input-format jsonl "
                    + "reads its lines as documents.")
            return true
        case (_, .text), (.text, .auto): return true
        case (.lines, .auto): return false
        case (.unclear, .auto):
            throw .data(
                "\(stream.path) begins like JSON, and its first line is no document: an object with \"text\" or "
                    + "\"tokens\" was expected. Write one such object a line (jq -c '.[]' takes an array apart), or say "
                    + "--input-format text if it is to be read as plain text.")
        }
    }

    private func text(_ stream: ByteStream, id: String) throws(LensError) -> Document {
        let hint = ForeignFile.describe(try stream.peek(ForeignFile.startLength), as: .document, evenText: true)
        let bytes = try stream.rest()
        if let offset = firstInvalidUTF8(bytes[...]) {
            if let hint { throw .data("\(stream.path) \(hint)") }
            throw .data(
                "\(stream.path), byte \(offset + stream.markCount): the text is not valid UTF-8. Convert the file to "
                    + "UTF-8 first.")
        }
        return Document(id: id, content: .text(bytes), source: stream.path)
    }

    // MARK: What is left out

    private func accept(_ document: Document) -> Bool {
        guard document.isEmpty else {
            documentCount += 1
            if ids.isRepeated(document.id) {
                warn("The id \"\(document.id)\" is given to more than one document; it no longer tells them apart.")
            }
            return true
        }
        empty.append(document.source)
        // The first ones at once, while there is time to mend them.
        if empty.count <= 3 { warn("\(document.source) is an empty document and is left out.") }
        return false
    }

    private func finish() throws(LensError) {
        guard documentCount > 0 else {
            throw .data(
                empty.isEmpty
                    ? "There is no document: what was given holds none. \(DocumentFile.expected)"
                    : "There is nothing to read: every document is empty, \(countedNames(empty, "document")) in all. A "
                        + "document needs at least one character or token.")
        }
        if empty.count > 3 { warn("Left out as empty in all: \(countedNames(empty, "document")).") }
        empty = []
    }
}

/// Remembers ids, as many as take little memory.
private struct SeenIDs {
    private static let limit = 1 << 16
    private var hashes: Set<Int> = []
    private var isTold = false

    /// True once: for the first id that came before.
    mutating func isRepeated(_ id: String) -> Bool {
        guard !isTold, hashes.count < Self.limit else { return false }
        isTold = !hashes.insert(id.hashValue).inserted
        return isTold
    }
}
