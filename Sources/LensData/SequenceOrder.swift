import LensSupport

/// The order in which a training run draws its sequences: every one once an epoch.
///
/// A pure function of count, seed and n, so that a run resumes from the number of its draws alone.
package struct SequenceOrder: Sendable {
    package let count: Int
    package let seed: UInt64
    package let shuffle: Bool
    /// The epoch of the last draw.
    private var current: (number: Int, draws: [Int]) = (-1, [])

    /// Keeps the shuffles of epochs apart from other uses of the seed ("order" in ASCII).
    private static let stream: UInt64 = 0x6F72_6465_7200_0000

    package init(count: Int, seed: UInt64, shuffle: Bool) {
        precondition(count > 0, "there is nothing to order")
        self.count = count
        self.seed = seed
        self.shuffle = shuffle
    }

    /// The sequence of draw `n`, counted from 0 over all epochs. The first draw of an epoch orders the whole of it.
    package mutating func draw(_ n: Int) -> Int {
        guard shuffle else { return n % count }
        if current.number != n / count { current = (n / count, epoch(n / count)) }
        return current.draws[n % count]
    }

    /// All draws of one epoch.
    package func epoch(_ number: Int) -> [Int] {
        var order = Array(0..<count)
        guard shuffle else { return order }
        var generator = SeededGenerator(seed: seed, stream: Self.stream &+ UInt64(number))
        generator.shuffle(&order)
        return order
    }
}
