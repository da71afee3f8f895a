/// The lines of a file, one in memory at a time.
package final class LineReader {
    private let input: InputFile
    private var chunk: [UInt8] = []
    private var position = 0
    /// Number of the line that `next` gave last, from 1.
    package private(set) var line = 0
    /// Where that line begins in the file, in bytes.
    package private(set) var offset = 0
    private var nextOffset = 0

    package init(_ input: InputFile) { self.input = input }

    package var path: String { input.path }

    /// The next line without its line feed; a last line need not have one.
    package func next() throws(LensError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var started = false
        while true {
            if position == chunk.count {
                chunk = try input.chunk()
                position = 0
                if chunk.isEmpty {
                    if started { advance(bytes.count) }
                    return started ? bytes : nil
                }
            }
            started = true
            let end = chunk[position...].firstIndex(of: 0x0A)
            bytes += chunk[position..<(end ?? chunk.count)]
            position = end.map { $0 + 1 } ?? chunk.count
            if end != nil {
                advance(bytes.count + 1)
                return bytes
            }
        }
    }

    private func advance(_ count: Int) {
        line += 1
        offset = nextOffset
        nextOffset += count
    }
}
