import LensSupport

/// How the next token is chosen from the model's logits.
public struct SamplingSettings: Equatable, Sendable {
    /// Divides the logits: below 1 likely tokens become likelier, above 1 less so. 0 takes the most likely one.
    public var temperature: Double
    /// Only so many of the most likely tokens; nil for all.
    public var topK: Int?
    /// Only the fewest of the most likely tokens whose probabilities together reach this; nil for all. After `topK`.
    public var topP: Double?
    /// What decides the draws: the same seed, settings and logits give the same tokens.
    public var seed: UInt64

    /// Nothing is checked before a ``Sampler`` is made of them, see ``check()``.
    public init(temperature: Double = 0, topK: Int? = nil, topP: Double? = nil, seed: UInt64 = 0) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }

    /// The most likely token at every step.
    public static let greedy = SamplingSettings()

    /// `.usage` for a value that cannot be.
    public func check() throws(LensError) {
        guard temperature.isFinite, temperature >= 0 else {
            throw .usage(
                "The temperature must be 0 (the most likely token) or more, not \(describeNumber(temperature)).")
        }
        if let topK, topK < 1 {
            throw .usage("Of the most likely tokens at least 1 must be left, not \(topK) (top-k).")
        }
        if let topP, !(topP > 0 && topP <= 1) {
            throw .usage(
                "The probability that the most likely tokens reach (top-p) must be above 0 and at most 1, not "
                    + "\(describeNumber(topP)).")
        }
    }
}
