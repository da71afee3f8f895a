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
