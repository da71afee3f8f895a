/// What the weights of one sequence look like, for logs.
public struct WeightStatistics: Sendable, Equatable {
    public var mean: Double
    /// Sample standard deviation (n − 1); 0 for a single weight.
    public var standardDeviation: Double
    /// Share of weights that are not 0.
    public var nonzeroFraction: Double

    /// All three are 0 for no weights.
    public init(_ weights: [Float]) {
        let n = Double(weights.count)
        guard n > 0 else { (mean, standardDeviation, nonzeroFraction) = (0, 0, 0); return }
        let mean = weights.reduce(0.0) { $0 + Double($1) } / n
        let squares = weights.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
        self.mean = mean
        standardDeviation = n > 1 ? (squares / (n - 1)).squareRoot() : 0
        nonzeroFraction = Double(weights.count { $0 != 0 }) / n
    }
}
