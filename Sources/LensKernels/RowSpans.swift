import CLongLens
import LensSupport

/// Sequences that lie one after the other in the rows of matrices: what knows nothing of positions takes all rows at
/// once, and what does takes their boundaries.
package struct RowSpans: Sendable, Equatable {
    /// Sequence i holds the rows from `bounds[i]` to before `bounds[i + 1]`.
    package let bounds: [Int]
    /// Rows of the longest one.
    package let longest: Int

    /// - Parameter lengths: rows of each sequence, none negative.
    package init(lengths: [Int]) {
        precondition(lengths.allSatisfy { $0 >= 0 }, "a sequence of fewer than no rows")
        bounds = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        longest = lengths.max() ?? 0
    }

    /// Of all sequences.
    package var rows: Int { bounds[bounds.count - 1] }

    package var count: Int { bounds.count - 1 }

    /// The rows of one.
    package subscript(sequence: Int) -> Range<Int> { bounds[sequence]..<bounds[sequence + 1] }
}

extension Runtime {
    /// Runs a driver over sequences; nil is one of all rows.
    func run(
        over spans: RowSpans?, _ driver: (OpaquePointer, lens_spans) -> lens_status
    ) throws(LensError) {
        try unsafe run { context in
            guard let spans else { return unsafe driver(context, lens_spans(count: 0, bounds: nil)) }
            return unsafe spans.bounds.withUnsafeBufferPointer { bounds in
                unsafe driver(context, lens_spans(count: spans.count, bounds: bounds.baseAddress))
            }
        }
    }
}
