/// What is kept of one layer's forward for its backward, from the least to the most; the rest is computed again.
/// Normed inputs are never kept: computing them again costs no product.
public enum Retention: String, Sendable, CaseIterable, Codable, Comparable {
    /// The layer's input alone: the least memory.
    case input
    /// And the attention's output and log-sum-exp: no attention is computed twice.
    case attention
    /// And queries, keys, values and the residual stream between the two parts: only gate and up are computed twice.
    case projections
    /// And gate and up: no product of a layer is computed twice.
    case everything

    var next: Retention? { Self.allCases.first { $0 > self } }

    public static func < (a: Retention, b: Retention) -> Bool { a.level < b.level }

    private var level: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What a training pass keeps: of all layers the same, or of the first few one level more; and the logits, or not.
///
/// Gradients have the same bits under every policy.
public struct RecomputePolicy: Sendable, Equatable {
    /// What is kept of every layer.
    package let base: Retention
    /// Of so many first layers the next level is kept.
    package let raisedLayers: Int
    /// Whether the head finds its logits again, T x vocabulary, instead of computing them twice.
    package let keepsLogits: Bool

    private init(base: Retention, raisedLayers: Int, keepsLogits: Bool = false) {
        self.base = base
        self.raisedLayers = raisedLayers
        self.keepsLogits = keepsLogits
    }

    /// The same of all layers.
    public static func all(_ retention: Retention) -> RecomputePolicy {
        RecomputePolicy(base: retention, raisedLayers: 0)
    }

    /// No product is computed twice.
    public static let fastest = RecomputePolicy(base: .everything, raisedLayers: 0, keepsLogits: true)

    /// Every policy for `layerCount` layers, from the leanest to the fastest: each keeps more than the one before.
    /// Logits come last: a byte of them saves as much arithmetic as one of gate and up.
    package static func leanestFirst(layerCount: Int) -> [RecomputePolicy] {
        Retention.allCases.flatMap { level in
            (0..<(level.next == nil ? 1 : layerCount)).map { RecomputePolicy(base: level, raisedLayers: $0) }
        } + [fastest]
    }

    package func retention(of layer: Int) -> Retention { layer < raisedLayers ? base.next ?? base : base }
}

extension RecomputePolicy: CustomStringConvertible {
    /// Such as "everything and logits" or "projections, everything in 12 layers".
    public var description: String {
        if keepsLogits { return "\(base.rawValue) and logits" }
        guard raisedLayers > 0, let next = base.next else { return base.rawValue }
        return "\(base.rawValue), \(next.rawValue) in \(raisedLayers) layers"
    }
}
