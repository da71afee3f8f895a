/// Scratch of the merging of one word: the symbols as a linked list and a heap of candidate merges.
///
/// The same loop serves merges by rank and by score; a score is turned into a rank beforehand. Candidates are taken
/// by (rank, position), so equal ranks merge from the left, as in the published implementations.
struct PairMerger {
    /// Words up to this many symbols are scanned for their best pair instead of keeping a heap.
    private static let scanLimit = 32

    private var pairs: [UInt64] = []
    private var previous: [Int32] = []
    private var next: [Int32] = []
    private var heap: [UInt64] = []

    /// Merges `symbols` in place until no pair has a merge: O(n log n).
    mutating func merge(_ symbols: inout [Int32], by table: PairTable) {
        if symbols.count < 2 { return }
        if symbols.count <= Self.scanLimit { mergeByScan(&symbols, table) } else { mergeByHeap(&symbols, table) }
    }

    private mutating func mergeByScan(_ symbols: inout [Int32], _ table: PairTable) {
        pairs.removeAll(keepingCapacity: true)
        for index in 1..<symbols.count { pairs.append(table.merge(symbols[index - 1], symbols[index])) }
        while !pairs.isEmpty {
            var best = 0
            var bestRank = pairs[0] >> 32
            for index in 1..<pairs.count where pairs[index] >> 32 < bestRank {
                best = index
                bestRank = pairs[index] >> 32
            }
            if pairs[best] == PairTable.none { return }
            symbols[best] = Int32(truncatingIfNeeded: pairs[best])
            symbols.remove(at: best + 1)
            pairs.remove(at: best)
            if best > 0 { pairs[best - 1] = table.merge(symbols[best - 1], symbols[best]) }
            if best < pairs.count { pairs[best] = table.merge(symbols[best], symbols[best + 1]) }
        }
    }

    private mutating func mergeByHeap(_ symbols: inout [Int32], _ table: PairTable) {
        let count = symbols.count
        precondition(count < Int32.max, "a word of more than 2^31 symbols")
        pairs = [UInt64](repeating: PairTable.none, count: count)
        previous = (0..<count).map { Int32($0) - 1 }
        next = (0..<count).map { Int32($0) + 1 }
        next[count - 1] = -1
        heap.removeAll(keepingCapacity: true)
        for index in 1..<count { propose(index - 1, symbols[index - 1], symbols[index], table) }

        while let key = popSmallest() {
            let left = Int(key & 0xFFFF_FFFF)
            // A candidate is stale if either of its symbols has merged since; its pair then has another rank, or none.
            guard pairs[left] != PairTable.none, pairs[left] >> 32 == key >> 32 else { continue }
            let right = Int(next[left])
            symbols[left] = Int32(truncatingIfNeeded: pairs[left])
            pairs[right] = PairTable.none
            pairs[left] = PairTable.none
            symbols[right] = -1
            next[left] = next[right]
            if next[left] >= 0 {
                previous[Int(next[left])] = Int32(left)
                propose(left, symbols[left], symbols[Int(next[left])], table)
            }
            let before = Int(previous[left])
            if before >= 0 { propose(before, symbols[before], symbols[left], table) }
        }

        var written = 0
        var index = 0
        while index >= 0 {
            symbols[written] = symbols[index]
            written += 1
            index = Int(next[index])
        }
        symbols.removeLast(count - written)
        // A long word is rare; its scratch need not stay.
        if count > 1 << 16 { self = PairMerger() }
    }

    private mutating func propose(_ position: Int, _ left: Int32, _ right: Int32, _ table: PairTable) {
        let merge = table.merge(left, right)
        pairs[position] = merge
        guard merge != PairTable.none else { return }
        push((merge & ~0xFFFF_FFFF) | UInt64(position))
    }

    private mutating func push(_ key: UInt64) {
        heap.append(key)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            if heap[parent] <= key { break }
            heap[child] = heap[parent]
            child = parent
        }
        heap[child] = key
    }

    private mutating func popSmallest() -> UInt64? {
        guard let smallest = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return smallest }
        var parent = 0
        while true {
            var child = parent * 2 + 1
            if child >= heap.count { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            if heap[child] >= last { break }
            heap[parent] = heap[child]
            parent = child
        }
        heap[parent] = last
        return smallest
    }
}
