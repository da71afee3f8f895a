import CLongLens
import LensKernels
import LensSupport
import Testing

/// What the pieces of a region leave behind.
private struct Runs: Equatable {
    /// Of each piece, and one place more.
    var pieces: [Int32]
    /// On each thread.
    var threads: [Int32]

    init(_ count: Int, on context: Context, threads threadCount: Int) {
        var pieces = [Int32](repeating: 0, count: count + 1), threads = [Int32](repeating: 0, count: threadCount)
        unsafe pieces.withUnsafeMutableBufferPointer { pieces in
            unsafe threads.withUnsafeMutableBufferPointer { threads in
                var places = unsafe Places(pieces: pieces, threads: threads)
                unsafe withUnsafeMutablePointer(to: &places) { places in
                    unsafe context.with { unsafe lens_parallel_for($0, count, countRuns, places) }
                }
            }
        }
        self.pieces = pieces
        self.threads = threads
    }
}

@unsafe private struct Places {
    let pieces: UnsafeMutableBufferPointer<Int32>, threads: UnsafeMutableBufferPointer<Int32>
}

/// Counts the runs of each piece and thread. No two threads have the same number, or counts would get lost.
private func countRuns(argument: UnsafeMutableRawPointer?, index: Int, thread: Int) {
    guard let places = unsafe argument?.assumingMemoryBound(to: Places.self).pointee else { return }
    unsafe places.pieces[index] += 1
    unsafe places.threads[thread] += 1
}

@Suite struct ParallelTests {
    @Test(arguments: [LENS_CARRIER_OPENMP, LENS_CARRIER_POOL].map(\.rawValue))
    func everyPieceRunsOnce(_ carrier: UInt32) throws {
        for threads in [1, 2, 3, 5, 16] {
            let context = try Context(threads: threads, carrier: lens_carrier(carrier))
            #expect(unsafe context.with { unsafe lens_context_threads($0) } == threads)
            for count in [0, 1, 2, 3, 5, 17, 1000] {
                let runs = Runs(count, on: context, threads: threads)
                #expect(runs.pieces == [Int32](repeating: 1, count: count) + [0], "\(threads) threads")
                #expect(runs.threads.reduce(0, +) == Int32(count), "\(threads) threads")
            }
            #expect(context.counters.workers == threads - 1 && context.counters.regions == (threads > 1 ? 5 : 0))
        }
    }

    @Test func buffersAreZeroedAlignedAndCounted() throws {
        for bytes in [1, 63, 64, 65, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, 5 << 20] {
            let before = AlignedBuffer.allocationCount
            let buffer = try AlignedBuffer(byteCount: bytes)
            #expect(AlignedBuffer.allocationCount == before + 1)
            let alignment = bytes >= 2 << 20 ? 2 << 20 : 64
            #expect(unsafe Int(bitPattern: buffer.start) % alignment == 0)
            let content = unsafe UnsafeMutableRawBufferPointer(start: buffer.start, count: bytes)
            #expect(unsafe content.allSatisfy { $0 == 0 })
            for i in content.indices { unsafe content[i] = 0xFF }
        }
    }

    @Test func memoryThatIsNotThereIsAnError() {
        for bytes in [Int.max, Int.max - 63, 1 << 60] {
            let error = #expect(throws: LensError.self) { try AlignedBuffer(byteCount: bytes) }
            #expect(error?.kind == .machine)
        }
        let error = #expect(throws: LensError.self) { try Matrix(rows: 1 << 40, columns: 1 << 40) }
        #expect(error?.kind == .machine)
    }
}
