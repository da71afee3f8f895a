import LensData
import LensSupport

/// A score file from which the losses of a sequence are looked up by its exact tokens. Holds 24 bytes a sequence.
///
/// The file stays open: another one of its name changes nothing. What is read again must be what was read first, so that
/// a file that is written to meanwhile ends in an error and never in other losses.
package final class ScoreFile: Sendable {
    package let path: String
    /// Sorted by hash, which is of the tokens; `whole` is of tokens and losses. An entry is where the storage finds the
    /// record.
    private let index: [Item]
    private let storage: any ScoreStorage

    private struct Item: Sendable { var hash, whole: UInt64, entry: Int }

    /// Bytes that are held of a sequence.
    static let entryByteCount = MemoryLayout<Item>.stride

    /// Reads the whole file once, checking every record.
    package init(path: String) throws(LensError) {
        self.path = path
        storage = try ScoreFormat.storage(path)
        var index: [Item] = []
        try storage.forEach { (entry, record) throws(LensError) in
            let hash = Self.hash(record.tokens)
            index.append(Item(hash: hash, whole: Self.hash(record.nll, after: hash), entry: entry))
        }
        guard !index.isEmpty else { throw .data("\(path) holds no scores.") }
        self.index = index.sorted { ($0.hash, $0.entry) < ($1.hash, $1.entry) }
    }

    /// Number of sequences.
    package var count: Int { index.count }

    /// The losses of a sequence: of the first record that has exactly its tokens.
    ///
    /// Throws `.data` when there is none, saying where the most similar record first differs.
    package func losses(for sequence: TokenSequence) throws(LensError) -> [Float] {
        for item in items(Self.hash(sequence.tokens)) {
            let record = try storage.record(item.entry)
            guard Self.hash(record.nll, after: Self.hash(record.tokens)) == item.whole else {
                throw .data(
                    "\(path) was changed while it was in use: the losses of \(record.name) are no longer what they were. "
                        + "Put the file back as it was, or score the documents again.")
            }
            if record.tokens == sequence.tokens { return record.nll }
        }
        throw try missing(sequence)
    }

    /// Throws as ``losses(for:)`` does unless every sequence of a training run is there: before the run, not in it.
    package func check(_ sequences: TrainingSequences) throws(LensError) {
        for n in 0..<sequences.count {
            for document in sequences[n].documents where items(Self.hash(document.tokens)).isEmpty {
                throw try missing(document)
            }
        }
    }

    /// Calls `body` with the bytes of the file, block by block.
    package func forEachBlock(_ body: ([UInt8]) -> Void) throws(LensError) {
        try storage.input.rewind()
        while case let block = try storage.input.chunk(1 << 20), !block.isEmpty { body(block) }
    }

    /// Records whose tokens have this hash, in the file's order.
    private func items(_ hash: UInt64) -> ArraySlice<Item> {
        var low = 0, high = index.count
        while low < high {
            let middle = (low + high) / 2
            if index[middle].hash < hash { low = middle + 1 } else { high = middle }
        }
        return index[low...].prefix { $0.hash == hash }
    }

    /// FNV-1a over the ids. Equal hashes are compared token by token, so that its quality only costs time.
    private static func hash(_ tokens: [Int32]) -> UInt64 {
        tokens.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64(UInt32(bitPattern: $1))) &* 0x100_0000_01B3 }
    }

    /// Goes on with the bits of the losses.
    private static func hash(_ losses: [Float], after hash: UInt64) -> UInt64 {
        losses.reduce(hash) { ($0 ^ UInt64($1.bitPattern)) &* 0x100_0000_01B3 }
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
        let advice =
            "Score the same documents with the same tokenizer, and --chunk equal to the context of the run; for evaluate also "
            + "with --keep-last."
        guard let best, best.isSame || best.common > 0 else {
            return .data("\(path) has no losses for \(name), and nothing that begins like it. \(advice)")
        }
        let place = describeDifference(best.record.tokens, "there", sequence.tokens, "here", at: best.common)
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
