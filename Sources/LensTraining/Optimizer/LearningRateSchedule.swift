#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The learning rate of each update.
public struct LearningRateSchedule: Equatable, Sendable {
    /// What happens after the warm-up.
    public enum Shape: String, CaseIterable, Sendable { case constant, linear, cosine }

    public var shape: Shape
    /// The greatest learning rate.
    public var peak: Double
    /// W: updates of the warm-up.
    public let warmup: Int
    /// N: updates of the whole run.
    public let steps: Int

    /// A warm-up below 0 counts as none, fewer than 1 update as 1.
    public init(shape: Shape, peak: Double, warmup: Int, steps: Int) {
        self.shape = shape
        self.peak = peak
        self.warmup = max(0, warmup)
        self.steps = max(1, steps)
    }

    /// The learning rate of update `step`, counted from 1.
    ///
    /// peak · min(1, n / W) during the warm-up. After it, with p = (n - V) / (N + 1 - V) and V = max(W, 1), the update
    /// of the full rate: linear peak · (1 - p), cosine peak · (1 + cos πp) / 2. Both would reach 0 at update N + 1, so
    /// that no update of the run is without effect.
    public func rate(step: Int) -> Double {
        let step = max(1, step)
        if step < warmup { return peak * (Double(step) / Double(warmup)) }
        let full = max(warmup, 1)
        let progress = min(1, Double(step - full) / Double(max(steps + 1 - full, 1)))
        switch shape {
        case .constant: return peak
        case .linear: return peak * (1 - progress)
        case .cosine: return peak * 0.5 * (1 + cos(.pi * progress))
        }
    }
}
