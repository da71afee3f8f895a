import CLongLens
import LensKernels
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Counts the runs of each piece, and writes to the scratch of its thread.
private func countRuns(context: UnsafeMutableRawPointer?, index: Int, thread: Int) {
    guard let counts = unsafe context?.assumingMemoryBound(to: Int32.self) else { return }
    unsafe counts[index] += 1
    unsafe lens_scratch(thread, 4096).storeBytes(of: Int64(index), as: Int64.self)
}

private func runsOfEachPiece(_ count: Int) -> [Int32] {
    var counts = [Int32](repeating: 0, count: count + 1)
    unsafe counts.withUnsafeMutableBytes { unsafe lens_parallel_for(count, countRuns, $0.baseAddress) }
    return counts
}

extension KernelTests {
    @Suite struct ParallelTests {
        @Test func everyPieceRunsOnce() {
            let before = Threads.count
            defer { Threads.count = before }
            for threads in [1, 2, 3, 5, 16] {
                Threads.count = threads
                #expect(Threads.count == threads)
                for count in [0, 1, 2, 3, 5, 17, 1000] {
                    #expect(runsOfEachPiece(count) == [Int32](repeating: 1, count: count) + [0], "\(threads) threads")
                }
            }
        }

        @Test func severalThreadsMayCallKernelsAtTheSameTime() async throws {
            let before = Threads.count
            defer { Threads.count = before }
            Threads.count = 2
            let rows = 600, columns = 50
            let expected = (0..<rows * columns).map { Float($0 % 7) }
            let sums = (0..<columns).map { c in (0..<rows).reduce(Float(0)) { $0 + expected[$1 * columns + c] } }
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        guard let dout = try? Matrix(rows: rows, columns: columns, expected) else { return false }
                        for _ in 0..<100 {
                            guard let sum = try? Matrix(rows: 1, columns: columns) else { return false }
                            biasBackward(dout, biasGradient: sum)
                            if sum.array != sums { return false }
                        }
                        return true
                    }
                }
                for await right in group { #expect(right) }
            }
        }

        @Test func scratchIsAlignedGrowsAndIsKept() throws {
            let small = try unsafe #require(lens_scratch(0, 100))
            let held = Threads.scratchByteCount, count = AlignedBuffer.allocationCount
            let alignment = Int(bitPattern: small) % 64
            #expect(alignment == 0 && held >= 100)
            let again = unsafe lens_scratch(0, 50) == small
            #expect(again && AlignedBuffer.allocationCount == count && Threads.scratchByteCount == held)
            let large = try unsafe #require(lens_scratch(0, 64 << 20))
            unsafe memset(large, 1, 64 << 20)
            #expect(AlignedBuffer.allocationCount == count + 1 && Threads.scratchByteCount >= 64 << 20)
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
            #expect(throws: (any Error).self) { try AlignedBuffer(byteCount: Int.max) }
            #expect(throws: (any Error).self) { try AlignedBuffer(byteCount: 1 << 60) }
        }

        @Test func steadyWorkAllocatesNothing() throws {
            let x = try Matrix(rows: 300, columns: 40), weight = try Matrix(rows: 1, columns: 40)
            let out = try Matrix(rows: 300, columns: 40), rstd = try Matrix(rows: 1, columns: 300)
            let step = {
                rmsNorm(x, weight: weight, epsilon: 1e-5, into: out, rstd: rstd)
                rmsNormBackward(out, x: x, weight: weight, rstd: rstd, into: x, weightGradient: weight)
                biasBackward(x, biasGradient: weight)
                _ = sumOfSquares(x)
            }
            step()
            let before = AlignedBuffer.allocationCount
            step()
            #expect(AlignedBuffer.allocationCount == before)
        }
    }
}
