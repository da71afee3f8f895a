#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Weights by effective context alone (EXACT, arXiv 2605.10544): long contexts are rare, so they count more.
///
/// A token's effective context is the number of tokens of its own document to its left. Contexts fall into buckets
/// [0, 7], [8, 15], [16, 31], … ; the tail T holds the buckets whose lower edge is at least τ. With q_b the share of
/// the tail's tokens in bucket b, r_b = (q_b + ε)^(−γ) and r̄ = Σ_T q_b r_b, a token of bucket b in T weighs
/// 1 + α · r_b / r̄ (so that the tail weighs 1 + α on average) and any other 1.
public struct EffectiveContext: Sendable, Equatable {
    /// Extra weight of the tail, on average over its tokens.
    public var alpha: Double
    /// How strongly a rare bucket is preferred: 0 not at all, 1 in inverse proportion.
    public var gamma: Double
    /// Where the tail begins, in tokens.
    public var tau: Int

    private static let epsilon = 1e-8

    /// The defaults are those of the source.
    public init(alpha: Double = 0.15, gamma: Double = 0.5, tau: Int = 1024) {
        self.alpha = alpha
        self.gamma = gamma
        self.tau = tau
    }

    /// The weights of `count` predictions of one sequence; prediction i is of token i + 1. Tokens with which documents
    /// begin have no context: they weigh 0, and count for nothing.
    ///
    /// - Parameter documentStarts: indices of the tokens with which documents begin, ascending, the first one 0.
    package func weights(count: Int, documentStarts: [Int] = [0]) -> [Double] {
        let contexts = Self.contexts(count: count, documentStarts: documentStarts)
        let edges = contexts.map(Self.bucketEdge)

        var tokens: [Int: Int] = [:]
        for (context, edge) in zip(contexts, edges) where context > 0 && edge >= tau { tokens[edge, default: 0] += 1 }
        let tail = Double(tokens.values.reduce(0, +))
        let share = tokens.mapValues { Double($0) / tail }
        let preference = share.mapValues { pow($0 + Self.epsilon, -gamma) }
        // Summed in the order of the buckets: a dictionary's order changes from run to run, and with it the last bit.
        let mean = tokens.keys.sorted().reduce(0.0) { $0 + share[$1, default: 0] * preference[$1, default: 0] }

        return zip(contexts, edges).map { context, edge in
            context == 0 ? 0 : preference[edge].map { 1 + alpha * $0 / mean } ?? 1
        }
    }

    /// Tokens of the same document to the left of each predicted token.
    static func contexts(count: Int, documentStarts: [Int]) -> [Int] {
        precondition(documentStarts.first == 0, "the first document of a sequence begins at token 0")
        var document = 0
        return (0..<count).map { prediction in
            let token = prediction + 1
            while document + 1 < documentStarts.count, documentStarts[document + 1] <= token { document += 1 }
            return token - documentStarts[document]
        }
    }

    /// The lower edge of the bucket that holds a context: 0, 8, 16, 32, …
    static func bucketEdge(_ context: Int) -> Int {
        context < 8 ? 0 : 1 << (Int.bitWidth - 1 - context.leadingZeroBitCount)
    }
}
