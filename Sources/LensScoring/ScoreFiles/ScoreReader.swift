import LensData
import LensSupport

/// Gives the records of a score file in their order, holding one at a time.
public protocol ScoreReader: AnyObject {
    /// The file.
    var path: String { get }
    /// The next record, checked, or nil at the end.
    func next() throws(LensError) -> ScoreRecord?
}

/// Random access to the records of a score file.
protocol ScoreStorage: Sendable {
    /// The file, which stays open.
    var input: InputFile { get }
    /// Calls `body` with every record and its entry, in the file's order.
    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError)
    /// The record of an entry.
    func record(_ entry: Int) throws(LensError) -> ScoreRecord
}
