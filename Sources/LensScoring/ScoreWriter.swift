import LensSupport

/// Writes score records one after another; the file appears when ``finish()`` is called.
public protocol ScoreWriter: AnyObject {
    func write(_ record: ScoreRecord) throws(LensError)
    func finish() throws(LensError)
}

/// Score files of JSON lines.
public final class ScoreLinesWriter: ScoreWriter {
    private let output: LinesOutput

    /// - Parameter path: nil for standard output.
    public init(path: String?) throws(LensError) { output = try LinesOutput(path: path) }

    public func write(_ record: ScoreRecord) throws(LensError) { try output.write(record.jsonLine()) }
    public func finish() throws(LensError) { try output.finish() }
}
