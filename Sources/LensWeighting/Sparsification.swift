import LensSupport

/// How many of `count` predictions the share `kappa` keeps: floor(κ · count).
///
/// κ is a decimal fraction that binary cannot hold, so that 0.29 · 100 comes out below 29: a product within its
/// rounding error of a whole number is that number.
package func keptCount(kappa: Double, of count: Int) -> Int {
    let product = kappa * Double(count)
    return min(count, Int((product + 2 * product.ulp).rounded(.down)))
}

/// The sparse mask: 1 for the floor(κ · n) largest values, 0 for the rest.
///
/// Where several values equal the smallest one kept, which of them are kept is drawn from `generator`, each choice
/// equally likely. Without such a choice nothing is drawn.
package func topKappa(_ values: [Double], kappa: Double, generator: inout SeededGenerator) -> [Double] {
    let kept = keptCount(kappa: kappa, of: values.count)
    guard kept > 0 else { return Array(repeating: 0, count: values.count) }
    let threshold = values.sorted(by: >)[kept - 1]

    var mask = values.map { $0 > threshold ? 1.0 : 0.0 }
    var tied = values.indices.filter { values[$0] == threshold }
    let places = kept - values.count { $0 > threshold }
    if places < tied.count {
        // The first `places` draws of a Fisher-Yates shuffle.
        for i in 0..<places { tied.swapAt(i, i + generator.below(tied.count - i)) }
    }
    for index in tied.prefix(places) { mask[index] = 1 }
    return mask
}
