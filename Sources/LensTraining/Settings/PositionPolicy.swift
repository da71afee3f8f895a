import LensData
import LensModels
import LensSupport

/// The positions by which queries and keys of training sequences are rotated.
public enum PositionPolicy: Sendable, Equatable, CustomStringConvertible {
    /// From 0 in each document.
    case restart
    /// From 0 in each sequence, on through packed documents.
    case runOn
    /// Positional skip-wise training (PoSE, arXiv 2309.10400): a sequence is cut at random into `chunks`, and each chunk's
    /// positions are moved up by a random skip that is at least the one before, so that positions reach up to `target`
    /// while attention costs what the sequence's own length costs. Chunk i's skip is uniform from that of chunk i − 1 to
    /// target − T, that of the first is 0; the text runs on.
    case skipping(chunks: Int, target: Int)

    /// Reads `pose:chunks=2,target=64k`, for sequences of `contextLength` tokens.
    package static func parse(_ spec: String, contextLength: Int) throws(LensError) -> PositionPolicy {
        var values = try OptionValues("--positions", spec)
        guard values.name == "pose" else {
            throw values.wrong("the only way is pose" + suggestion(for: values.name, among: ["pose"]))
        }
        let chunks = try values.integer("chunks") ?? 2
        guard let target = try values.integer("target") else {
            throw values.wrong("target=TOKENS is missing: how far the positions go")
        }
        try values.finish()
        guard chunks >= 2, chunks <= contextLength else {
            throw values.wrong("chunks must be from 2 to the \(contextLength) tokens of a sequence")
        }
        guard target > contextLength, target <= greatestCount else {
            throw values.wrong("target must be above the context of \(contextLength), and at most \(greatestCount)")
        }
        return .skipping(chunks: chunks, target: target)
    }

    /// As the option writes it.
    public var description: String {
        switch self {
        case .restart: "restart"
        case .runOn: "run-on"
        case .skipping(let chunks, let target): "pose:chunks=\(chunks),target=\(target)"
        }
    }

    /// How far positions go in sequences of so many tokens.
    package func reach(contextLength: Int) -> Int {
        if case .skipping(_, let target) = self { target } else { contextLength }
    }

    /// How a sequence lies; `generator` draws what is random.
    package func layout(of sequence: TokenSequence, generator: inout SeededGenerator) -> SequenceLayout {
        let lengths = sequence.documentLengths, count = sequence.tokens.count
        switch self {
        case .restart: return SequenceLayout(lengths: lengths)
        case .runOn:
            if lengths.count == 1 { return SequenceLayout(lengths: lengths) }
            return SequenceLayout(lengths: lengths, positions: Array(0..<Int32(count)), reach: count)
        case .skipping(let chunks, let target):
            return SequenceLayout(
                lengths: lengths, positions: Self.skipping(count, chunks, target, &generator), reach: target)
        }
    }

    private static func skipping(
        _ count: Int, _ chunks: Int, _ target: Int, _ generator: inout SeededGenerator
    ) -> [Int32] {
        var starts: Set<Int> = []
        while starts.count < min(chunks, count) - 1 { starts.insert(1 + generator.below(count - 1)) }
        var skip = 0
        return (0..<count).map { token in
            if starts.contains(token) { skip += generator.below(target - count - skip + 1) }
            return Int32(token + skip)
        }
    }
}
