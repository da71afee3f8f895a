import LensData
import LensSupport

/// Gives the records of a score file in their order, holding one at a time.
public protocol ScoreReader: AnyObject {
    /// The file.
    var path: String { get }
    /// The next record, checked, or nil at the end.
    func next() throws(LensError) -> ScoreRecord?
}

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
