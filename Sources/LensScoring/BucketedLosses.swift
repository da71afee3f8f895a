#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Mean losses by position or distance, in buckets that double: 0-63, 64-127, 128-255, and so on.
public struct BucketedLosses: Equatable, Sendable {
    public struct Bucket: Equatable, Sendable {
        public let range: Range<Int>
        public fileprivate(set) var count = 0
        fileprivate var sum = 0.0
        /// Mean loss, not a number where there is none.
        public var mean: Double { count == 0 ? .nan : sum / Double(count) }
        /// exp(mean)
        public var perplexity: Double { exp(mean) }
    }

    private var all: [Bucket] = []
    public private(set) var count = 0
    private var sum = 0.0

    public init() {}

    /// Mean over all, not a number where there is none.
    public var mean: Double { count == 0 ? .nan : sum / Double(count) }

    /// exp(mean)
    public var perplexity: Double { exp(mean) }

    /// Buckets that hold something, from near to far.
    public var buckets: [Bucket] { all.filter { $0.count > 0 } }

    public mutating func add(_ loss: Float, at position: Int) {
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
