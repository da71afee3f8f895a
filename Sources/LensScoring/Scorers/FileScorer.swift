import LensData
import LensSupport

/// Losses that a score file holds; the file that was opened stays open, and what is read of it later is checked.
public final class FileScorer: Scorer {
    private let file: ScoreFile
    public let fingerprint: String

    /// Reads the file at `path` once, checking every record. `.data` when it holds no scores or damaged ones.
    public init(path: String) throws(LensError) {
        file = try ScoreFile(path: path)
        var sum = Checksum()
        try file.forEachBlock { block in unsafe block.withUnsafeBytes { unsafe sum.update($0) } }
        fingerprint = "file \(sum.hexadecimal)"
    }

    /// `.data` unless the file has every one of the sequences.
    public func check(_ sequences: TrainingSequences) throws(LensError) { try file.check(sequences) }

    public func losses(
        of sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float] {
        sequence.joined(
            try sequence.documents.map { (document) throws(LensError) in try file.losses(for: document) }, empty: 0)
    }

    public var memory: ScorerMemory { .bytes(file.count * ScoreFile.entryByteCount) }
}
