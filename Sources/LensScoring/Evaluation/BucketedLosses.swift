/// Mean losses by position or distance, in buckets that double: 0-63, 64-127, 128-255, and so on.
package struct BucketedLosses: Equatable, Sendable {
    package struct Bucket: Equatable, Sendable {
        package let range: Range<Int>
        package fileprivate(set) var losses = MeanLoss()
        package var count: Int { losses.count }
        /// Mean loss, not a number where there is none.
        package var mean: Double { losses.mean }
        /// exp(mean)
        package var perplexity: Double { losses.perplexity }
    }

    private var all: [Bucket] = []
    package private(set) var total = MeanLoss()
    package var count: Int { total.count }

    package init() {}

    /// Mean over all, not a number where there is none.
    package var mean: Double { total.mean }

    /// exp(mean)
    package var perplexity: Double { total.perplexity }

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
        all[index].losses.add(loss)
        total.add(loss)
    }
}
