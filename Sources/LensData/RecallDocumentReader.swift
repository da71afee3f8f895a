import LensSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Reads the documents that ``RecallDocumentGenerator`` makes, one JSON object a line, holding one at a time.
public final class RecallDocumentReader {
    private var files: ArraySlice<DocumentFile>
    private let standardInput: Int32
    private let whileWaiting: (@Sendable () throws(LensError) -> Void)?
    private var current: (lines: LineReader, stream: ByteStream)?
    private let decoder = JSONDecoder()
    private var finishedByteCount = 0
    private var documentCount = 0

    /// Bytes of all input as it is stored; nil where a pipe or standard input is among it.
    public let byteCount: Int?

    /// Finds the files, as ``DocumentReader`` does.
    public init(
        paths: [String], standardInput: Int32 = 0, whileWaiting: (@Sendable () throws(LensError) -> Void)? = nil,
        warn: @escaping (String) -> Void = { _ in }
    ) throws(LensError) {
        let files = try DocumentFile.find(paths, format: .auto, warn: warn)
        self.files = files[...]
        self.standardInput = standardInput
        self.whileWaiting = whileWaiting
        byteCount = files.allSatisfy { $0.byteCount != nil } ? files.reduce(0) { $0 + ($1.byteCount ?? 0) } : nil
    }

    /// Bytes of the input, as it is stored, that were read so far.
    public var position: Int { finishedByteCount + (current?.stream.storedCount ?? 0) }

    /// The next document, or nil when all are read.
    ///
    /// `.data` names the line that is no such document, or says that there was none at all.
    public func next() throws(LensError) -> RecallDocument? {
        while true {
            if let current {
                while let line = try current.lines.next() {
                    if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
                    guard let document = try? decoder.decode(RecallDocument.self, from: Data(line)) else {
                        throw .data(
                            "\(current.lines.path), line \(current.lines.line), is no recall document: an object with id, "
                                + "text and facts was expected, as longlens generate writes.")
                    }
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
            current = (LineReader(stream), stream)
        }
    }
}
