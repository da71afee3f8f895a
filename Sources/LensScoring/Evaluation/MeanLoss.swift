#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The mean of losses.
package struct MeanLoss: Equatable, Sendable {
    package private(set) var count = 0
    private var sum = 0.0

    package init() {}

    /// Not a number where there is none.
    package var mean: Double { count == 0 ? .nan : sum / Double(count) }

    /// exp(mean)
    package var perplexity: Double { exp(mean) }

    package mutating func add(_ loss: Float) {
        count += 1
        sum += Double(loss)
    }
}
