import CLongLens
import LensSupport

/// Zeroed memory aligned for vector loads, in huge pages where that helps. Counted, so that a test can say that a
/// step allocates nothing.
@safe
package final class AlignedBuffer: @unchecked Sendable {
    package let byteCount: Int
    @unsafe package let start: UnsafeMutableRawPointer

    /// `.machine` when the memory is not to be had.
    package init(byteCount: Int) throws(LensError) {
        precondition(byteCount >= 0)
        self.byteCount = byteCount
        if byteCount == 0 {
            unsafe start = Self.nowhere
            return
        }
        guard let memory = unsafe lens_allocate(byteCount) else {
            throw .machine("The machine has no \(describeByteCount(byteCount)) of memory to give.")
        }
        unsafe start = memory
    }

    private init() {
        byteCount = 0
        unsafe start = Self.nowhere
    }

    /// No memory at all.
    static let empty = AlignedBuffer()

    // Aligned, and never read.
    private static var nowhere: UnsafeMutableRawPointer {
        unsafe UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    }

    deinit { if byteCount > 0 { unsafe lens_free(start, byteCount) } }

    /// Blocks of memory that the calling thread has taken, for buffers and for kernels.
    package static var allocationCount: Int { lens_allocation_count() }
}
