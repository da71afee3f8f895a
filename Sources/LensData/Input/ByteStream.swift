import LensSupport

/// The bytes of a file, a pipe or standard input from front to back: gzip and Zstandard are told by their first bytes
/// and decompressed as they come, a byte order mark of UTF-8 at the beginning is passed over.
package final class ByteStream {
    package let path: String
    private let input: InputFile
    private var compressed: (input: [UInt8], position: Int)
    private let decompressor: (any Decompressor)?
    /// Plain bytes that were looked at and not taken yet.
    private var ahead: [UInt8] = []
    package var isCompressed: Bool { decompressor != nil }
    /// Bytes taken so far of the file as it is stored, to the chunk.
    package private(set) var storedCount = 0
    /// Bytes of the byte order mark: what is counted from the first byte given lies so much further in the file.
    package private(set) var markCount = 0

    /// The longest text, and the longest line, that is taken into memory: a document of 1 GiB has more tokens than any
    /// context, and a small compressed file can hold any number of zeros.
    package static let documentLimit = 1 << 30

    /// Reads the beginning, which a pipe may have to be waited for.
    package init(_ input: InputFile) throws(LensError) {
        path = input.path
        self.input = input
        var start: [UInt8] = []
        while start.count < Compression.signatureLength {
            let next = try input.chunk()
            if next.isEmpty { break }
            start += next
        }
        storedCount = start.count
        compressed = (start, 0)
        let compression = Compression.of(start)
        let promised = Compression.named(path).compression
        if let promised, compression != promised, !start.isEmpty {
            throw .data(
                "\(path) is named like a \(promised) file and does not begin like one. Rename it, or compress it again."
            )
        }
        decompressor = try compression?.decompressor()
        if decompressor == nil {
            ahead = start
            compressed.input = []
        }
        markCount = try peek(3).byteOrderMarkCount
        ahead.removeFirst(markCount)
    }

    /// The next bytes; none at the end.
    ///
    /// Throws `.data` for compressed bytes that are damaged or cut short, `.io` when reading fails.
    package func chunk() throws(LensError) -> [UInt8] {
        if !ahead.isEmpty {
            defer { ahead = [] }
            return ahead
        }
        return try plainChunk()
    }

    /// The next `count` bytes without taking them, fewer at the end; there may be more than asked for.
    package func peek(_ count: Int) throws(LensError) -> [UInt8] {
        while ahead.count < count {
            let next = try plainChunk()
            if next.isEmpty { break }
            ahead += next
        }
        return ahead
    }

    /// Whether there is something to go on with, or the end, without waiting for a pipe.
    package var isReady: Bool { !ahead.isEmpty || compressed.position < compressed.input.count || input.isReady }

    /// Everything that is left, as one document.
    package func rest() throws(LensError) -> [UInt8] {
        var all: [UInt8] = []
        while case let next = try chunk(), !next.isEmpty {
            all += next
            guard all.count <= Self.documentLimit else {
                throw .data(
                    "\(path) is a document of more than \(Self.documentLimit >> 30) GiB. Cut it into documents, one a "
                        + "line of a .jsonl file.")
            }
        }
        return all
    }

    private func plainChunk() throws(LensError) -> [UInt8] {
        guard let decompressor else { return try storedChunk() }
        while true {
            let plain: [UInt8]
            do {
                plain = try decompressor.decompress(compressed.input, from: &compressed.position)
            } catch {
                throw .data(
                    "\(path) is damaged: its compressed data cannot be read on near byte "
                        + "\(storedCount - compressed.input.count + compressed.position) (\(error.reason)).")
            }
            if !plain.isEmpty { return plain }
            compressed = (try storedChunk(), 0)
            if compressed.input.isEmpty {
                guard decompressor.isComplete else {
                    throw .data(
                        "\(path) is cut short: its compressed data goes on past its \(storedCount) bytes. Copy or "
                            + "download it again.")
                }
                return []
            }
        }
    }

    private func storedChunk() throws(LensError) -> [UInt8] {
        let bytes = try input.chunk()
        storedCount += bytes.count
        return bytes
    }
}

extension LineReader {
    /// The lines of a stream.
    package convenience init(_ stream: ByteStream) {
        self.init(path: stream.path, limit: ByteStream.documentLimit) { () throws(LensError) in try stream.chunk() }
    }
}
