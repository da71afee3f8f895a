import LongLens

/// The progress of work on documents: its share of the input in bytes where that is known, and the time that is left.
final class WorkProgress {
    private let line: ProgressLine
    private let start = ContinuousClock.now
    /// The share of the whole that was done, and the tokens, when the first computing began.
    private var first: (share: Double?, tokens: Int, time: ContinuousClock.Instant)?
    private var tokens = 0
    /// The part of the input that the document at hand is.
    private var part: Range<Double>?

    init(_ line: ProgressLine) { self.line = line }

    /// A document begins: which bytes of the input it is, and how many bytes there are, if that is known.
    func enter(_ bytes: Range<Int>, of byteCount: Int?) {
        part = byteCount.flatMap { count in
            count > 0 ? Double(bytes.lowerBound) / Double(count)..<Double(bytes.upperBound) / Double(count) : nil
        }
    }

    /// Computing begins, `share` of the document at hand and `tokens` in all having been done before. Only the first
    /// call counts: what earlier runs did tells nothing of the speed.
    func begin(at share: Double, tokens: Int) {
        if first == nil { first = (whole(share), tokens, .now) }
    }

    /// Shows how far the work is: `share` of the document at hand, `tokens` in all.
    ///
    /// - Parameter least: a share of the whole that is known otherwise, where it is more.
    func advance(to share: Double, tokens: Int, _ document: String, least: Double? = nil) {
        self.tokens = tokens
        let whole = [whole(share), least].compactMap { $0 }.max()
        line.update(text(whole, .now, document))
    }

    private func whole(_ share: Double) -> Double? {
        part.map { min(1, $0.lowerBound + share * ($0.upperBound - $0.lowerBound)) }
    }

    private func text(_ whole: Double?, _ now: ContinuousClock.Instant, _ document: String) -> String {
        var parts: [String] = []
        if let whole {
            parts.append("\(Int(100 * whole)) %")
            if let first, case let begin = first.share ?? 0, whole > begin {
                let left = (now - first.time).seconds * (1 - whole) / (whole - begin)
                parts.append("left \(Format.duration(left))")
            }
        }
        if let rate { parts.append("\(Format.decimal(rate, 0)) tok/s") }
        parts.append("\(tokens) tokens")
        parts.append(document)
        return parts.joined(separator: "  ")
    }

    /// Tokens a second since the first were computed; nil before.
    var rate: Double? {
        guard let first, tokens > first.tokens else { return nil }
        return Double(tokens - first.tokens) / (ContinuousClock.now - first.time).seconds
    }

    /// Since the work began.
    var elapsed: Duration { ContinuousClock.now - start }

    func report(_ text: String) { line.report(text) }
    func clear() { line.clear() }
}
