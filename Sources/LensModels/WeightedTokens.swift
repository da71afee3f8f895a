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
        private(set) var steps: [Range<Int>]

        fileprivate func adding(_ places: Range<Int>) -> Batch {
            Batch(
                places: self.places.lowerBound..<places.upperBound,
                steps: steps + [places.lowerBound - self.places.lowerBound..<places.upperBound - self.places.lowerBound]
            )
        }
    }

    /// Batches of at most `block` tokens, as large as they can be without cutting a step of a product over a block of
    /// `block` consecutive tokens.
    func batches(of block: Int) -> [Batch] {
        var batches: [Batch] = []
        var place = 0
        for step in Self.steps(of: length, block: block) {
            let start = place
            while place < rows.count, rows[place] < step.upperBound { place += 1 }
            guard place > start else { continue }
            if let last = batches.last, place - last.places.lowerBound <= block {
                batches[batches.count - 1] = last.adding(start..<place)
            } else {
                batches.append(Batch(places: start..<place, steps: [0..<place - start]))
            }
        }
        return batches
    }

    /// The parts of one batch of all weighted tokens.
    var steps: [Range<Int>] { batches(of: length).first?.steps ?? [] }

    /// The steps of the products over each block of `block` tokens.
    private static func steps(of length: Int, block: Int) -> [Range<Int>] {
        stride(from: 0, to: length, by: block).flatMap { start in
            let end = min(start + block, length)
            return stride(from: start, to: end, by: productStep(end - start)).map {
                $0..<min($0 + productStep(end - start), end)
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
