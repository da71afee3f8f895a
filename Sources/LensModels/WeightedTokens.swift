import LensKernels

/// The tokens whose loss has a weight, and how sums over them are cut.
///
/// A sum over the weighted tokens is cut where the same sum over all tokens is, whose other terms are zeros: leaving
/// tokens out changes no bit.
struct WeightedTokens {
    /// Ascending.
    let rows: [Int]
    /// Of the whole sequence.
    let length: Int

    init(_ rows: [Int], of length: Int) {
        self.rows = rows
        self.length = length
    }

    static func all(_ length: Int) -> WeightedTokens { WeightedTokens(Array(0..<length), of: length) }

    var isAll: Bool { rows.count == length }

    /// Tokens that are computed at a time.
    struct Batch {
        /// Their places among the weighted tokens.
        let places: Range<Int>
        /// Parts of the batch: a weight's gradient is the sum over each, added one after the other.
        private(set) var blocks: [Range<Int>]

        fileprivate func adding(_ places: Range<Int>) -> Batch {
            Batch(
                places: self.places.lowerBound..<places.upperBound,
                blocks: blocks + [
                    places.lowerBound - self.places.lowerBound..<places.upperBound - self.places.lowerBound
                ]
            )
        }
    }

    /// Batches of at most `size` tokens, as large as they can be without cutting a block of a product's sum over `size`
    /// consecutive tokens.
    func batches(of size: Int) -> [Batch] {
        var batches: [Batch] = []
        var place = 0
        for block in Self.blocks(of: length, batch: size) {
            let start = place
            while place < rows.count, rows[place] < block.upperBound { place += 1 }
            guard place > start else { continue }
            if let last = batches.last, place - last.places.lowerBound <= size {
                batches[batches.count - 1] = last.adding(start..<place)
            } else {
                batches.append(Batch(places: start..<place, blocks: [0..<place - start]))
            }
        }
        return batches
    }

    /// The blocks of one batch of all weighted tokens.
    var blocks: [Range<Int>] { batches(of: length).first?.blocks ?? [] }

    /// The blocks of the products' sums over each batch of `size` tokens.
    private static func blocks(of length: Int, batch size: Int) -> [Range<Int>] {
        stride(from: 0, to: length, by: size).flatMap { start in
            let end = min(start + size, length)
            return stride(from: start, to: end, by: productBlock(end - start)).map {
                $0..<min($0 + productBlock(end - start), end)
            }
        }
    }

    /// Moves the rows of the weighted tokens to the front of each matrix [T, …]; what followed them is lost.
    func gather(_ matrices: [Matrix]) {
        if isAll { return }
        for matrix in matrices { matrix.gatherRows(rows) }
    }

    /// Moves them back; all other rows are zeros.
    func scatter(_ matrices: [Matrix]) {
        if isAll { return }
        for matrix in matrices { matrix.scatterRows(rows) }
    }
}
