import CLongLens
import LensSupport

/// The scratch memory that kernels take at the most, known before they run.
public struct KernelScratch: Sendable {
    private var need = lens_scratch_need(first: 0, other: 0)

    public init() {}

    /// Adds a linear map of at most `rows` rows: its forward, and where it `trains` its backward.
    public mutating func addLinearMap(rows: Int, outputs: Int, inputs: Int, trains: Bool) {
        add(lens_gemm_scratch(false, true, rows, outputs, inputs))
        guard trains else { return }
        add(lens_gemm_scratch(false, false, rows, inputs, outputs))
        add(lens_gemm_scratch(true, false, outputs, inputs, rows))
    }

    /// Adds attention over at most `length` tokens, forward and backward.
    public mutating func addAttention(length: Int, heads: Int, keyValueHeads: Int, size: Int) {
        add(lens_attention_scratch(lens_attention_shape(T: length, NH: heads, NKV: keyValueHeads, HS: size, scale: 1)))
    }

    /// Adds the gradient of a norm's weight or of a bias of `columns` elements over at most `rows` rows.
    public mutating func addColumnSums(rows: Int, columns: Int) { add(lens_column_sums_scratch(rows, columns)) }

    /// Adds ``sumOfSquares(_:)`` of `count` elements.
    public mutating func addSumOfSquares(count: Int) { add(lens_sum_of_squares_scratch(count)) }

    private mutating func add(_ other: lens_scratch_need) { need = lens_scratch_either(need, other) }

    /// Enough for what either holds.
    public func union(_ other: KernelScratch) -> KernelScratch {
        var result = self
        result.add(other.need)
        return result
    }

    /// Bytes that `threads` threads hold.
    public func byteCount(threads: Int) -> Int { lens_scratch_need_bytes(need, threads) }

    /// Takes it for the kernels that the calling thread calls, which then take none themselves.
    ///
    /// `.machine` when the memory is not to be had.
    public func reserve() throws(LensError) {
        guard lens_scratch_reserve(need) else {
            throw .machine(
                "The machine has no \(describeByteCount(byteCount(threads: Threads.count))) of memory for what "
                    + "\(Threads.count) threads compute with. Use fewer --threads, or a shorter context.")
        }
    }
}
