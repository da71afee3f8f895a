import LensData
import LensSupport

/// Reads a score file of JSON lines. Errors name file and line.
package final class ScoreLinesReader: ScoreReader {
    private let lines: LineReader

    package convenience init(path: String) throws(LensError) { self.init(try InputFile(path: path)) }

    init(_ input: InputFile) { lines = LineReader(input) }

    package var path: String { lines.path }

    /// Where the line of the last record begins, in bytes.
    var offset: Int { lines.offset }

    package func next() throws(LensError) -> ScoreRecord? {
        while var line = try lines.next() {
            if lines.line == 1 { line.removeByteOrderMark() }
            if line.isBlankLine { continue }
            return try ScoreRecord(jsonLine: line, place: "\(path), line \(lines.line)")
        }
        return nil
    }
}

/// JSON lines; an entry is the byte at which a line begins.
struct ScoreLinesStorage: ScoreStorage {
    let input: InputFile

    init(path: String) throws(LensError) { input = try InputFile(regular: path) }

    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError) {
        try input.rewind()
        let reader = ScoreLinesReader(input)
        while let record = try reader.next() { try body(reader.offset, record) }
    }

    func record(_ entry: Int) throws(LensError) -> ScoreRecord {
        var line = try line(at: entry)
        line.removeByteOrderMark()
        return try ScoreRecord(jsonLine: line, place: "\(input.path), the line at byte \(entry)")
    }

    private func line(at offset: Int) throws(LensError) -> [UInt8] {
        var line: [UInt8] = []
        let count = input.status?.byteCount ?? 0
        while offset + line.count < count {
            let place = offset + line.count
            let block = try input.bytes(min(1 << 16, count - place), at: place)
            if let end = block.firstIndex(of: UInt8(ascii: "\n")) { return line + block[..<end] }
            line += block
        }
        guard !line.isEmpty else {
            throw .data(
                "\(input.path) ends before byte \(offset), where it had a line before: it was changed meanwhile.")
        }
        return line
    }
}
