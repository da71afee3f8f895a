import Synchronization

/// How often documents spell special tokens that were read as plain text.
package final class SpelledSpecials: Sendable {
    private struct Found: Sendable {
        var documentCount = 0
        var firstSource = ""
        var counts: [String: Int] = [:]
    }

    private let found = Mutex(Found())

    init() {}

    /// Documents that hold such text.
    package var documentCount: Int { found.withLock { $0.documentCount } }
    /// How often, by the token's name.
    package var counts: [String: Int] { found.withLock { $0.counts } }

    /// Adds what one document holds; returns whether it is the first.
    func add(_ counts: [String: Int], source: String) -> Bool {
        found.withLock {
            if $0.documentCount == 0 { $0.firstSource = source }
            $0.documentCount += 1
            $0.counts.merge(counts, uniquingKeysWith: +)
            return $0.documentCount == 1
        }
    }

    /// One paragraph on everything found so far, nil if nothing was.
    package var warning: String? {
        let found = found.withLock { $0 }
        guard found.documentCount > 0 else { return nil }
        let sorted = found.counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var names = sorted.prefix(4).map { "\($0.key) \($0.value)×" }.joined(separator: ", ")
        if sorted.count > 4 { names += " and \(sorted.count - 4) others" }
        let more = found.documentCount > 1 ? " and \(found.documentCount - 1) more documents" : ""
        return "The text of \(found.firstSource)\(more) spells special tokens (\(names)). They are read as plain text; "
            + "--special reads them as the tokens."
    }
}
