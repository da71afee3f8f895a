/// The token score of LongFilter (arXiv 2510.25804) as a weight: p_long · max(0, log(p_long / p_short)), L1.
///
/// A token counts when the long context helps it and makes it likely.
func longFilterWeights(long: [Float], short: [Float]) -> [Double] {
    let differences = Comparison.difference.scores(long: long, short: short)
    guard differences.allSatisfy(\.isFinite) else { return differences.map { _ in .nan } }
    return Normalization.l1(zip(long, differences).map { exponential(-Double($0)) * max(0, -$1) })
}
