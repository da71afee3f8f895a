/// The lines of a file, one in memory at a time.
package final class LineReader {
    package let path: String
    private let nextChunk: () throws(LensError) -> [UInt8]
    private let limit: Int
    private var chunk: [UInt8] = []
    private var position = 0
    /// Number of the line that `next` gave last, from 1.
    package private(set) var line = 0
    /// Where that line begins in the file, in bytes.
    package private(set) var offset = 0
    /// Where it ends, with its line feed.
    package private(set) var end = 0

    package convenience init(_ input: InputFile) {
        self.init(path: input.path) { () throws(LensError) in try input.chunk() }
    }

    /// - Parameters:
    ///   - path: for messages.
    ///   - limit: bytes that a line may have.
    ///   - chunks: gives the bytes in pieces, an empty one at the end.
    package init(path: String, limit: Int = 1 << 30, chunks: @escaping () throws(LensError) -> [UInt8]) {
        self.path = path
        self.limit = limit
        nextChunk = chunks
    }

    /// The next line without its line feed; a last line need not have one. `.data` when it is longer than the limit.
    package func next() throws(LensError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var started = false
        while true {
            if position == chunk.count {
                chunk = try nextChunk()
                position = 0
                if chunk.isEmpty {
                    if started { advance(bytes.count) }
                    return started ? bytes : nil
                }
            }
            started = true
            let lineFeed = chunk[position...].firstIndex(of: 0x0A)
            bytes += chunk[position..<(lineFeed ?? chunk.count)]
            position = lineFeed.map { $0 + 1 } ?? chunk.count
            guard bytes.count <= limit else {
                throw .data("\(path), line \(line + 1), is longer than \(limit >> 20) MiB.")
            }
            if lineFeed != nil {
                advance(bytes.count + 1)
                return bytes
            }
        }
    }

    /// Whether the next line has been read to its end already.
    package var hasLine: Bool { chunk[position...].contains(0x0A) }

    private func advance(_ count: Int) {
        line += 1
        offset = end
        end += count
    }
}

extension Sequence<UInt8> {
    /// Whether a line holds nothing but spaces, tabs and what is left of a line end.
    package var isBlankLine: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
}
