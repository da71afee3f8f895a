/// What one update did: a line of `metrics.jsonl`.
public struct StepMetrics: Equatable, Sendable {
    /// The update, from 1.
    public var step: Int
    /// Mean over the update's sequences of the mean of weight · loss.
    public var loss: Double
    /// The same without weights.
    public var nll: Double
    /// Sample standard deviation of a sequence's weights, averaged over the update.
    public var weightStandardDeviation: Double
    /// Share of weights that are not 0.
    public var weightNonzero: Double
    /// Global norm of the gradient before clipping.
    public var gradientNorm: Double
    public var learningRate: Double
    /// Tokens of this update: G · T.
    public var tokens: Int
    public var stepSeconds: Double
    /// The scorer's part of `stepSeconds`.
    public var scorerSeconds: Double
    public var tokensPerSecond: Double
    /// The most memory that the process has had so far.
    public var peakResidentBytes: Int

    /// What an update did, value by value.
    public init(
        step: Int, loss: Double, nll: Double, weightStandardDeviation: Double, weightNonzero: Double,
        gradientNorm: Double,
        learningRate: Double, tokens: Int, stepSeconds: Double, scorerSeconds: Double = 0, tokensPerSecond: Double,
        peakResidentBytes: Int
    ) {
        self.step = step
        self.loss = loss
        self.nll = nll
        self.weightStandardDeviation = weightStandardDeviation
        self.weightNonzero = weightNonzero
        self.gradientNorm = gradientNorm
        self.learningRate = learningRate
        self.tokens = tokens
        self.stepSeconds = stepSeconds
        self.scorerSeconds = scorerSeconds
        self.tokensPerSecond = tokensPerSecond
        self.peakResidentBytes = peakResidentBytes
    }

    /// The line, without its newline: keys as in `docs/metrics.md`, numbers with all their digits.
    public var json: String {
        let fields: [(String, String)] = [
            ("step", "\(step)"), ("loss", number(loss)), ("nll", number(nll)),
            ("weight_std", number(weightStandardDeviation)), ("weight_nonzero", number(weightNonzero)),
            ("grad_norm", number(gradientNorm)), ("learning_rate", number(learningRate)), ("tokens", "\(tokens)"),
            ("step_seconds", number(stepSeconds)), ("scorer_seconds", number(scorerSeconds)),
            ("tokens_per_second", number(tokensPerSecond)),
            ("peak_rss_bytes", "\(peakResidentBytes)"),
        ]
        return "{" + fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
    }

    // JSON has no NaN; a run stops before a step that has one could be written.
    private func number(_ x: Double) -> String { x.isFinite ? "\(x)" : "null" }
}
