import LensSupport

/// Finds added tokens in text: at each place from the left the longest that matches there.
///
/// (llama.cpp takes the longest token of the vocabulary first, anywhere in the text; the two differ only where tokens
/// overlap.)
struct AddedTokenMatcher: Sendable {
    /// A stretch of text or a token.
    enum Part: Equatable, Sendable {
        case text(Range<Int>)
        case token(Int32)
    }

    private var firstBytes = [Bool](repeating: false, count: 256)
    /// Trie: child node by node and byte; token by node.
    private var children: [UInt64: Int32] = [:]
    private var tokens: [Int32] = [-1]
    private let added: [AddedToken]

    var isEmpty: Bool { added.isEmpty }

    /// The longest content that is accepted.
    static let longestContent = 4096

    init(_ added: [AddedToken]) {
        self.added = added
        for (index, token) in added.enumerated() {
            guard let first = token.content.first else { continue }
            firstBytes[Int(first)] = true
            var node: Int32 = 0
            for byte in token.content {
                let key = Self.key(node, byte)
                if let child = children[key] {
                    node = child
                } else {
                    children[key] = Int32(tokens.count)
                    node = Int32(tokens.count)
                    tokens.append(-1)
                }
            }
            if tokens[Int(node)] < 0 { tokens[Int(node)] = Int32(index) }
        }
    }

    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 { UInt64(node) << 8 | UInt64(byte) }

    /// The next token at or after `start`, and where it is.
    private func next(
        _ text: Span<UInt8>, from start: Int, _ budget: inout DocumentBudget
    ) throws(LensError) -> (token: AddedToken, range: Range<Int>)? {
        for position in start..<text.count where firstBytes[Int(text[position])] {
            var node: Int32 = 0
            var end = position
            var found: (AddedToken, Range<Int>)?
            while end < text.count, let child = children[Self.key(node, text[end])] {
                node = child
                end += 1
                if tokens[Int(node)] >= 0 { found = (added[Int(tokens[Int(node)])], position..<end) }
            }
            guard budget.take(steps: end - position) else {
                throw .data(
                    "the text begins added tokens so often that looking for them takes more steps than its length allows; "
                        + "the tokenizer's description is at fault.")
            }
            if let found { return found }
        }
        return nil
    }

    /// Nothing of a word touches `range`.
    private static func standsAlone(_ range: Range<Int>, _ text: Span<UInt8>) -> Bool {
        !UTF8Scan.endsWithWord(text, at: range.lowerBound) && !UTF8Scan.beginsWithWord(text, at: range.upperBound)
    }

    /// The parts of `text` in order; stretches of text are not empty. `.data` when `budget` does not suffice.
    func parts(_ text: Span<UInt8>, _ budget: inout DocumentBudget) throws(LensError) -> [Part] {
        guard !isEmpty else { return text.count > 0 ? [.text(0..<text.count)] : [] }
        var parts: [Part] = []
        var done = 0
        var from = 0
        while let (token, range) = try next(text, from: from, &budget) {
            from = range.upperBound
            if token.isSingleWord, !Self.standsAlone(range, text) { continue }
            var lower = range.lowerBound
            var upper = range.upperBound
            if token.stripsLeft { lower = UTF8Scan.startOfWhiteSpace(text, endingAt: lower, limit: done) }
            if token.stripsRight { upper = UTF8Scan.endOfWhiteSpace(text, from: upper) }
            if lower > done { parts.append(.text(done..<lower)) }
            parts.append(.token(token.id))
            done = upper
            from = max(from, done)
        }
        if done < text.count { parts.append(.text(done..<text.count)) }
        return parts
    }
}
