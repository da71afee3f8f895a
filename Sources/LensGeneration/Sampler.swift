import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Chooses tokens from logits. Knows nothing of models: numbers in, a number out.
public struct Sampler: Sendable {
    public let settings: SamplingSettings
    private var generator: SeededGenerator

    /// `.usage` for settings that cannot be.
    public init(_ settings: SamplingSettings = .greedy) throws(LensError) {
        try settings.check()
        self.settings = settings
        generator = SeededGenerator(seed: settings.seed)
    }

    /// The next token: the number of one of the logits. Of equal ones the lowest number comes first.
    ///
    /// `.data` for no logits, and for one that is not a number or infinite: the model's weights are damaged.
    public mutating func next(_ logits: [Float]) throws(LensError) -> Int32 {
        guard !logits.isEmpty, logits.allSatisfy(\.isFinite) else {
            throw .data(
                "The model gave logits that are not finite numbers. Its weights are damaged, or the training that made "
                    + "them diverged.")
        }
        guard settings.temperature > 0, settings.topK != 1 else { return Int32(Self.most(likely: logits)) }
        let highest = Double(logits[Self.most(likely: logits)])
        // Of scores as they are after division by the temperature; the highest gets 1.
        func weight(_ token: Int) -> Double { exp((Double(logits[token]) - highest) / settings.temperature) }
        let weights = logits.indices.map(weight)
        guard settings.topK ?? logits.count < logits.count || settings.topP ?? 1 < 1 else {
            return Int32(draw(weights.indices, weights))
        }
        return Int32(draw(candidates(logits, weights), weights))
    }

    /// The token of the highest logit, the first of equal ones.
    private static func most(likely logits: [Float]) -> Int {
        var best = 0
        for token in logits.indices where logits[token] > logits[best] { best = token }
        return best
    }

    /// What top-k and then top-p leave, most likely first.
    private func candidates(_ logits: [Float], _ weights: [Double]) -> [Int] {
        var heap = TokenHeap(logits)
        let most = min(settings.topK ?? logits.count, logits.count)
        // Probabilities are those among the tokens that top-k leaves.
        var left: [Int] = []
        let needed: Double
        if most < logits.count {
            for _ in 0..<most { left.append(heap.removeFirst()) }
            guard let topP = settings.topP else { return left }
            needed = topP * left.reduce(0) { $0 + weights[$1] }
            var sum = 0.0
            let count = left.firstIndex { token in
                sum += weights[token]
                return sum >= needed
            }
            return Array(left.prefix((count ?? left.count - 1) + 1))
        }
        needed = (settings.topP ?? 1) * weights.reduce(0, +)
        var sum = 0.0
        while sum < needed, left.count < most {
            left.append(heap.removeFirst())
            sum += weights[left[left.count - 1]]
        }
        return left
    }

    private mutating func draw(_ tokens: some RandomAccessCollection<Int>, _ weights: [Double]) -> Int {
        var rest = generator.unit() * tokens.reduce(0) { $0 + weights[$1] }
        var last = tokens[tokens.startIndex]
        for token in tokens where weights[token] > 0 {
            last = token
            rest -= weights[token]
            if rest < 0 { break }
        }
        return last
    }
}

/// Tokens by their logits, the highest first and of equal ones the lowest token: as many are put in order as are asked for.
private struct TokenHeap {
    private let logits: [Float]
    private var tokens: [Int]

    init(_ logits: [Float]) {
        self.logits = logits
        tokens = Array(logits.indices)
        for place in (0..<tokens.count / 2).reversed() { sift(place) }
    }

    private func comes(_ a: Int, before b: Int) -> Bool { logits[a] > logits[b] || (logits[a] == logits[b] && a < b) }

    mutating func removeFirst() -> Int {
        let first = tokens[0], last = tokens.removeLast()
        if !tokens.isEmpty {
            tokens[0] = last
            sift(0)
        }
        return first
    }

    private mutating func sift(_ start: Int) {
        var place = start
        while true {
            let left = 2 * place + 1, right = left + 1
            var best = place
            if left < tokens.count, comes(tokens[left], before: tokens[best]) { best = left }
            if right < tokens.count, comes(tokens[right], before: tokens[best]) { best = right }
            if best == place { return }
            tokens.swapAt(place, best)
            place = best
        }
    }
}
