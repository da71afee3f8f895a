/// What is kept of one layer's forward for its backward, from the least to the most; the rest is computed again.
/// Normed inputs are never kept: computing them again costs no product.
public enum Retention: String, Sendable, CaseIterable, Codable, Comparable {
    /// The layer's input alone: the least memory.
    case input
    /// And the attention's output and log-sum-exp: no attention is computed twice.
    case attention
    /// And queries, keys, values and the residual stream between the two parts: only gate and up are computed twice.
    case projections
    /// And gate and up: no product is computed twice.
    case everything

    var next: Retention? { Self.allCases.first { $0 > self } }

    public static func < (a: Retention, b: Retention) -> Bool { a.level < b.level }

    private var level: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What a training pass keeps of each layer: the same of all, or of the first few one level more.
///
/// Gradients have the same bits under every policy.
public struct RecomputePolicy: Sendable, Equatable {
    /// What is kept of every layer.
    public let base: Retention
    /// Of so many first layers the next level is kept.
    public let raisedLayers: Int

    private init(base: Retention, raisedLayers: Int) {
        self.base = base
        self.raisedLayers = raisedLayers
    }

    /// The same of all layers.
    public static func all(_ retention: Retention) -> RecomputePolicy {
        RecomputePolicy(base: retention, raisedLayers: 0)
    }

    /// Every policy for `layerCount` layers, from the leanest to the fastest: each keeps more than the one before.
    public static func leanestFirst(layerCount: Int) -> [RecomputePolicy] {
        Retention.allCases.flatMap { level in
            (0..<(level.next == nil ? 1 : layerCount)).map { RecomputePolicy(base: level, raisedLayers: $0) }
        }
    }

    public func retention(of layer: Int) -> Retention { layer < raisedLayers ? base.next ?? base : base }
}

extension RecomputePolicy: CustomStringConvertible {
    /// Such as "everything" or "projections, everything in 12 layers".
    public var description: String {
        guard raisedLayers > 0, let next = base.next else { return base.rawValue }
        return "\(base.rawValue), \(next.rawValue) in \(raisedLayers) layers"
    }
}
