import LensScoring
import LensSupport

/// The progress of work on documents: its share of the input in bytes where that is known, and the time that is left.
final class WorkProgress {
    /// Bytes of the input, if that is known: then the time that is left is said.
    var byteCount: Int?
    private let line: ProgressLine
    private let start = ContinuousClock.now
    /// The share of the whole that was done, and the tokens, when the first computing began.
    private var first: (share: Double?, tokens: Double, time: ContinuousClock.Instant)?
    private var tokens = 0.0
    /// What is computed, and its share of the input.
    private var part: WorkPart?
    private var shares: Range<Double>?

    init(_ line: ProgressLine) { self.line = line }

    /// Computing of a part of the work begins.
    func begin(_ part: WorkPart) {
        self.part = part
        shares = byteCount.flatMap { count in
            count > 0 ? part.bytes.lowerBound / Double(count)..<part.bytes.upperBound / Double(count) : nil
        }
        // What earlier runs did tells nothing of the speed.
        if first == nil { first = (whole(0), part.tokens.lowerBound, .now) }
    }

    /// Shows how far the work is: `share` of the part at hand.
    ///
    /// - Parameter sequences: how many there are in all, where that is known and may be the end before the input's.
    func advance(to share: Double, ofSequences sequences: Int? = nil) {
        guard let part else { return }
        tokens = Self.at(share, part.tokens)
        let least = sequences.map { min(1, Self.at(share, part.sequences) / Double($0)) }
        let whole = [whole(share), least].compactMap { $0 }.max()
        line.update(text(whole, .now, part.document))
    }

    private func whole(_ share: Double) -> Double? { shares.map { min(1, Self.at(share, $0)) } }

    private static func at(_ share: Double, _ range: Range<Double>) -> Double {
        range.lowerBound + share * (range.upperBound - range.lowerBound)
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
        parts.append("\(Int(tokens)) tokens")
        parts.append(document)
        return parts.joined(separator: "  ")
    }

    /// Tokens a second since the first were computed; nil before.
    var rate: Double? {
        guard let first, tokens > first.tokens else { return nil }
        return (tokens - first.tokens) / (ContinuousClock.now - first.time).seconds
    }

    /// Since the work began.
    var elapsed: Duration { ContinuousClock.now - start }

    func report(_ text: String) { line.report(text) }
    func clear() { line.clear() }
}
