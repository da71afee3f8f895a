import LensKernels
import LensSupport

/// Memory of a measurement before a run, which does not know beforehand what it takes. Small matrices share blocks that
/// are large enough to go back to the system: allocated one by one, they would stay with the process, beside what the
/// run has planned.
final class ProbeMemory {
    private static let blockByteCount = 4 << 20
    private var block: AlignedBuffer?
    private var used = 0

    /// The next `rows` x `columns` floats, on a cache line of their own; theirs as long as they are used.
    func take(rows: Int, columns: Int) throws(LensError) -> Matrix {
        let byteCount = (rows * columns * MemoryLayout<Float>.stride + 63) / 64 * 64
        if byteCount >= Self.blockByteCount { return try Matrix(rows: rows, columns: columns) }
        if block == nil || used + byteCount > Self.blockByteCount {
            (block, used) = (try AlignedBuffer(byteCount: Self.blockByteCount), 0)
        }
        guard let block else { preconditionFailure("there is a block") }
        defer { used += byteCount }
        return Matrix(block, offset: used / MemoryLayout<Float>.stride, rows: rows, columns: columns)
    }
}
