import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// From losses to weights, in the order of Helm, Daheim and Gurevych (Findings of NAACL 2025):
/// comparison -> transforms -> truncation -> sparsification -> normalization -> interpolation.
public struct Pipeline: Sendable, Equatable {
    public var comparison = Comparison.difference
    public var transforms: [Transform] = []
    /// Largest value that a token may have, γ.
    public var truncation: Double?
    /// Share of the predictions that is kept, κ. What is kept counts 1, the rest 0.
    public var sparsification: Double?
    public var normalization = Normalization.l1
    /// Share of plain cross-entropy, λ; without a normalization it has no meaning.
    public var interpolation: Double?

    /// Steps that are left out do nothing, but for the L1 normalization.
    public init(
        comparison: Comparison = .difference, transforms: [Transform] = [], truncation: Double? = nil,
        sparsification: Double? = nil, normalization: Normalization = .l1, interpolation: Double? = nil
    ) {
        self.comparison = comparison
        self.transforms = transforms
        self.truncation = truncation
        self.sparsification = sparsification
        self.normalization = normalization
        self.interpolation = interpolation
    }

    /// One weight a prediction. A loss that is not finite makes every weight NaN, so that it cannot pass unseen.
    package func weights(long: [Float], short: [Float], generator: inout SeededGenerator) -> [Double] {
        var values = comparison.scores(long: long, short: short)
        guard values.allSatisfy(\.isFinite) else { return values.map { _ in .nan } }
        for transform in transforms { values = values.map { transform($0) } }
        if let truncation { values = truncated(values, at: truncation) }
        if let sparsification { values = topKappa(values, kappa: sparsification, generator: &generator) }
        values = normalization(values)
        if let interpolation { values = interpolated(values, lambda: interpolation) }
        return values
    }
}

// MARK: The steps, in their order

/// How a token's loss under the long context is compared with its loss under the short one.
///
/// The result is the base quantity d of Helm, Daheim and Gurevych (Findings of NAACL 2025), one number a prediction.
public enum Comparison: String, Sendable, CaseIterable {
    /// d = l_long − l_short = log(p_short / p_long): negative where the long context helps.
    case difference
    /// d = (l_long + 1e-5) / (l_short + 1e-5).
    case quotient

    /// d of every prediction, in nats for the difference. Both arrays have one loss (nats) a prediction.
    package func scores(long: [Float], short: [Float]) -> [Double] {
        precondition(long.count == short.count, "long and short losses must be of the same predictions")
        return zip(long, short).map { long, short in
            switch self {
            case .difference: Double(long) - Double(short)
            case .quotient: (Double(long) + 1e-5) / (Double(short) + 1e-5)
            }
        }
    }
}

/// One step between a token's score and its weight. Steps are applied in the order given.
public enum Transform: Sendable, Equatable {
    /// |d|
    case absolute
    /// −d
    case minus
    /// exp(d), held at exp(88), near the largest number that fp32 holds.
    case exp
    /// max(0, d)
    case max
    /// d − log(s), s > 0
    case shift(Double)

    package func callAsFunction(_ value: Double) -> Double {
        switch self {
        case .absolute: abs(value)
        case .minus: -value
        case .exp: exponential(Swift.min(value, 88))
        case .max: Swift.max(0, value)
        case .shift(let s): value - logarithm(s)
        }
    }
}

/// clip(d, max = limit): no token counts more than `limit`.
func truncated(_ values: [Double], at limit: Double) -> [Double] { values.map { min($0, limit) } }

/// How many of `count` predictions the share `kappa` keeps: floor(κ · count).
///
/// κ is a decimal fraction that binary cannot hold, so that 0.29 · 100 comes out below 29: a product within its
/// rounding error of a whole number is that number.
package func keptCount(kappa: Double, of count: Int) -> Int {
    let product = kappa * Double(count)
    return min(count, Int((product + 2 * product.ulp).rounded(.down)))
}

/// The sparse mask: 1 for the floor(κ · n) largest values, 0 for the rest.
///
/// Where several values equal the smallest one kept, which of them are kept is drawn from `generator`, each choice
/// equally likely. Without such a choice nothing is drawn.
package func topKappa(_ values: [Double], kappa: Double, generator: inout SeededGenerator) -> [Double] {
    let kept = keptCount(kappa: kappa, of: values.count)
    guard kept > 0 else { return Array(repeating: 0, count: values.count) }
    let threshold = values.sorted(by: >)[kept - 1]

    var mask = values.map { $0 > threshold ? 1.0 : 0.0 }
    var tied = values.indices.filter { values[$0] == threshold }
    let places = kept - values.count { $0 > threshold }
    if places < tied.count {
        // The first `places` draws of a Fisher-Yates shuffle.
        for i in 0..<places { tied.swapAt(i, i + generator.below(tied.count - i)) }
    }
    for index in tied.prefix(places) { mask[index] = 1 }
    return mask
}

/// How the values of one sequence become weights that are comparable between sequences.
public enum Normalization: String, Sendable, CaseIterable {
    /// n · v / Σ|v|: weights average to 1. A sequence of zeros gets the weight 1 everywhere.
    case l1
    /// n · softmax(v): weights average to 1.
    case softmax
    /// The values as they are.
    case none

    package func callAsFunction(_ values: [Double]) -> [Double] {
        let n = Double(values.count)
        switch self {
        case .l1:
            let sum = values.reduce(0) { $0 + abs($1) }
            return sum > 0 ? values.map { $0 * n / sum } : values.map { _ in 1 }
        case .softmax:
            let largest = values.max() ?? 0
            let powers = values.map { exponential($0 - largest) }
            let sum = powers.reduce(0, +)
            return powers.map { $0 * n / sum }
        case .none:
            return values
        }
    }
}

/// λ + (1 − λ) · w: between plain cross-entropy (λ = 1) and the weights alone (λ = 0).
func interpolated(_ weights: [Double], lambda: Double) -> [Double] {
    weights.map { lambda + (1 - lambda) * $0 }
}

// Inside the type, `exp` is the case.
func exponential(_ value: Double) -> Double { exp(value) }
private func logarithm(_ value: Double) -> Double { log(value) }
