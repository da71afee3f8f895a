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
