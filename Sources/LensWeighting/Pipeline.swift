import LensSupport

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
