import LensSupport

/// What an encoding call works with besides the tokenizer's tables; reused from call to call.
struct EncodingSession: Sendable {
    var output: [Int32] = []
    var cache = WordCache()
    var merger = PairMerger()
    var symbols: [Int32] = []
    let regex = RegexScratch()
    var budget = DocumentBudget()

    /// Appends the ids of `word`: from the cache, or as `compute` leaves them in `symbols`.
    @inline(__always)
    mutating func append(_ word: Span<UInt8>, compute: (Span<UInt8>, inout EncodingSession) -> Void) {
        guard word.count <= WordCache.longestWord else {
            compute(word, &self)
            output.append(contentsOf: symbols)
            return
        }
        let hash = cache.hash(word)
        if cache.append(word, hash: hash, to: &output) { return }
        compute(word, &self)
        output.append(contentsOf: symbols)
        cache.add(word, hash: hash, ids: symbols)
    }
}
