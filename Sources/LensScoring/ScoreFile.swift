import LensData
import LensSupport

/// A score file from which the losses of a sequence are looked up by its exact tokens. Holds 16 bytes a sequence.
public final class ScoreFile: Sendable {
    public let path: String
    /// Sorted by hash. An entry is where the storage finds the record.
    private let index: [(hash: UInt64, entry: Int)]
    private let storage: any ScoreStorage

    /// Reads the whole file once, checking every record.
    public init(path: String) throws(LensError) {
        self.path = path
        storage = try ScoreFormat.storage(path)
        var index: [(hash: UInt64, entry: Int)] = []
        try storage.forEach { (entry, record) throws(LensError) in index.append((Self.hash(record.tokens), entry)) }
        guard !index.isEmpty else { throw .data("\(path) holds no scores.") }
        self.index = index.sorted { ($0.hash, $0.entry) < ($1.hash, $1.entry) }
    }

    /// Number of sequences.
    public var count: Int { index.count }

    /// The losses of a sequence: of the first record that has exactly its tokens.
    ///
    /// Throws `.data` when there is none, saying where the most similar record first differs.
    public func losses(for sequence: TokenSequence) throws(LensError) -> [Float] {
        for entry in entries(Self.hash(sequence.tokens)) {
            let record = try storage.record(entry)
            if record.tokens == sequence.tokens { return record.nll }
        }
        throw try missing(sequence)
    }

    /// Throws as ``losses(for:)`` does unless every sequence of a training run is there: before the run, not in it.
    public func check(_ sequences: TrainingSequences) throws(LensError) {
        for n in 0..<sequences.count {
            let sequence = sequences[n]
            if entries(Self.hash(sequence.tokens)).isEmpty { throw try missing(sequence) }
        }
    }

    /// Entries of records whose tokens have this hash, in the file's order.
    private func entries(_ hash: UInt64) -> [Int] {
        var low = 0, high = index.count
        while low < high {
            let middle = (low + high) / 2
            if index[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return index[low...].prefix { $0.hash == hash }.map(\.entry)
    }

    /// FNV-1a over the ids. Equal hashes are compared token by token, so that its quality only costs time.
    private static func hash(_ tokens: [Int32]) -> UInt64 {
        tokens.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64(UInt32(bitPattern: $1))) &* 0x100_0000_01B3 }
    }

    // MARK: Saying what is missing

    private func missing(_ sequence: TokenSequence) throws(LensError) -> LensError {
        var best: (record: ScoreRecord, isSame: Bool, common: Int)?
        try storage.forEach { (_, record) throws(LensError) in
            let isSame = record.document == sequence.document && record.sequence == sequence.index
            let common = firstDifference(record.tokens, sequence.tokens)
            if let best, (best.isSame ? 1 : 0, best.common) >= (isSame ? 1 : 0, common) { return }
            best = (record, isSame, common)
        }
        let name = "sequence \(sequence.index) of document \"\(sequence.document)\""
        let advice = "Score the same documents with the same tokenizer, and --chunk equal to the training context."
        guard let best, best.isSame || best.common > 0 else {
            return .data("\(path) has no losses for \(name), and nothing that begins like it. \(advice)")
        }
        let place = describeDifference(best.record.tokens, "there", sequence.tokens, "in training", at: best.common)
        return .data(
            "\(path) has no losses for the tokens of \(name). The most similar is \(best.record.name): \(place). \(advice)"
        )
    }
}

/// How many tokens two sequences have in common at their beginning.
func firstDifference(_ a: [Int32], _ b: [Int32]) -> Int {
    zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
}

/// Says what differs at token `index`, the first difference.
func describeDifference(_ a: [Int32], _ nameA: String, _ b: [Int32], _ nameB: String, at index: Int) -> String {
    if index < a.count && index < b.count {
        return "token \(index) is \(a[index]) \(nameA) and \(b[index]) \(nameB)"
    }
    return "it has \(a.count) tokens \(nameA) and \(b.count) \(nameB), and the first \(index) are the same"
}

// MARK: Storage

/// Random access to the records of a score file.
protocol ScoreStorage: Sendable {
    /// Calls `body` with every record and its entry, in the file's order.
    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError)
    /// The record of an entry.
    func record(_ entry: Int) throws(LensError) -> ScoreRecord
}

/// JSON lines; an entry is the byte at which a line begins.
struct ScoreLinesStorage: ScoreStorage {
    let path: String

    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError) {
        let reader = try ScoreLinesReader(path: path)
        while let record = try reader.next() { try body(reader.offset, record) }
    }

    func record(_ entry: Int) throws(LensError) -> ScoreRecord {
        guard let record = try ScoreLinesReader(path: path, offset: entry).next() else {
            throw .data("\(path) ends before byte \(entry), where it had a line before: it was changed meanwhile.")
        }
        return record
    }
}
