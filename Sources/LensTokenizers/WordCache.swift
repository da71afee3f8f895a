/// Ids of words seen before. Exact: a hit compares the bytes.
///
/// Open addressing, filled until full and then emptied: no bookkeeping on a hit. A book's words fit many times over.
struct WordCache {
    /// Longer words are rare and not worth their bytes.
    static let longestWord = 64
    private static let slotCount = 1 << 16

    private struct Entry {
        var hash: UInt64
        var word: Int32
        var wordCount: Int32
        var ids: Int32
        var idCount: Int32
    }

    private var entries = [Entry](
        repeating: Entry(hash: 0, word: 0, wordCount: -1, ids: 0, idCount: 0), count: slotCount)
    private var words: [UInt8] = []
    private var ids: [Int32] = []
    private var used = 0
    private let seed = ByteHash.seed

    @inline(__always)
    func hash(_ word: Span<UInt8>) -> UInt64 { ByteHash.hash(word, seed: seed) }

    /// Appends the ids of `word` to `output` and returns true, if the word is known.
    @inline(__always)
    func append(_ word: Span<UInt8>, hash: UInt64, to output: inout [Int32]) -> Bool {
        var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while true {
            let entry = entries[slot]
            if entry.wordCount < 0 { return false }
            if entry.hash == hash, Int(entry.wordCount) == word.count {
                let start = Int(entry.word)
                if words.span.extracting(start..<start + word.count).equals(word) {
                    for index in Int(entry.ids)..<Int(entry.ids + entry.idCount) { output.append(ids[index]) }
                    return true
                }
            }
            slot = (slot + 1) & (Self.slotCount - 1)
        }
    }

    mutating func add(_ word: Span<UInt8>, hash: UInt64, ids new: [Int32]) {
        if used * 2 >= Self.slotCount { self = WordCache() }
        var slot = Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)
        while entries[slot].wordCount >= 0 { slot = (slot + 1) & (Self.slotCount - 1) }
        entries[slot] = Entry(
            hash: hash, word: Int32(words.count), wordCount: Int32(word.count), ids: Int32(ids.count),
            idCount: Int32(new.count))
        for index in 0..<word.count { words.append(word[index]) }
        ids.append(contentsOf: new)
        used += 1
    }
}
