#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Mean losses by position or distance, in buckets that double: 0-63, 64-127, 128-255, and so on.
package struct BucketedLosses: Equatable, Sendable {
    package struct Bucket: Equatable, Sendable {
        package let range: Range<Int>
        package fileprivate(set) var count = 0
        fileprivate var sum = 0.0
        /// Mean loss, not a number where there is none.
        package var mean: Double { count == 0 ? .nan : sum / Double(count) }
        /// exp(mean)
        package var perplexity: Double { exp(mean) }
    }

    private var all: [Bucket] = []
    package private(set) var count = 0
    private var sum = 0.0

    package init() {}

    /// Mean over all, not a number where there is none.
    package var mean: Double { count == 0 ? .nan : sum / Double(count) }

    /// exp(mean)
    package var perplexity: Double { exp(mean) }

    /// Buckets that hold something, from near to far.
    package var buckets: [Bucket] { all.filter { $0.count > 0 } }

    package mutating func add(_ loss: Float, at position: Int) {
        precondition(position >= 0)
        var index = 0
        while position >> (6 + index) > 0 { index += 1 }
        while all.count <= index {
            let start = all.isEmpty ? 0 : 64 << (all.count - 1)
            all.append(Bucket(range: start..<(64 << all.count)))
        }
        all[index].count += 1
        all[index].sum += Double(loss)
        count += 1
        sum += Double(loss)
    }
}
