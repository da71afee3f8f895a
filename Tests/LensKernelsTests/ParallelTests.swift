import CLongLens
import LensKernels
import LensSupport
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

        @Test func reservedScratchIsAllThatKernelsTake() throws {
            let before = Threads.count
            defer { Threads.count = before }
            let (heads, keyValueHeads, size) = (4, 2, 20)
            for threads in [1, 3, 7] {
                Threads.count = threads
                for length in [5, 70, 400] {
                    var scratch = KernelScratch()
                    scratch.addLinearMap(rows: length, outputs: 700, inputs: 90, trains: true)
                    scratch.addAttention(length: length, heads: heads, keyValueHeads: keyValueHeads, size: size)
                    scratch.addColumnSums(rows: length, columns: 700)
                    scratch.addSumOfSquares(count: length * 700)
                    try scratch.reserve()
                    #expect(Threads.scratchByteCount >= scratch.byteCount(threads: threads))
                    let count = AlignedBuffer.allocationCount
                    // On their own: what is counted are the kernels' allocations.
                    let held = Threads.scratchByteCount
                    for rows in [1, length / 3 + 1, length] { try run(rows, heads, keyValueHeads, size) }
                    #expect(Threads.scratchByteCount == held, "\(threads) threads, \(length) tokens")
                    #expect(AlignedBuffer.allocationCount > count)
                }
            }
        }

        private func run(_ rows: Int, _ heads: Int, _ keyValueHeads: Int, _ size: Int) throws {
            let x = try Matrix(rows: rows, columns: 90), w = try Matrix(rows: 700, columns: 90)
            let y = try Matrix(rows: rows, columns: 700), bias = try Matrix(rows: 1, columns: 700)
            multiply(x, w, transposeB: true, into: y)
            multiply(y, w, into: x)
            multiply(y, transposeA: true, x, into: w, accumulate: true)
            biasBackward(y, biasGradient: bias)
            _ = sumOfSquares(y)
            let q = try Matrix(rows: rows, columns: heads * size), out = try Matrix(rows: rows, columns: heads * size)
            let k = try Matrix(rows: rows, columns: keyValueHeads * size)
            let dk = try Matrix(rows: rows, columns: keyValueHeads * size)
            let lse = try Matrix(rows: heads, columns: rows), delta = try Matrix(rows: heads, columns: rows)
            attention(query: q, key: k, value: k, heads: heads, keyValueHeads: keyValueHeads, into: out, logSumExp: lse)
            attentionBackward(
                query: q, key: k, value: k, output: out, logSumExp: lse, outputGradient: out, heads: heads,
                keyValueHeads: keyValueHeads, delta: delta,
                queryGradient: try Matrix(rows: rows, columns: heads * size),
                keyGradient: dk, valueGradient: try Matrix(rows: rows, columns: keyValueHeads * size))
        }

        @Test func scratchOfManyThreadsIsPlannedAndRefusedWhereThereIsNone() {
            var scratch = KernelScratch()
            scratch.addAttention(length: 4096, heads: 9, keyValueHeads: 3, size: 64)
            let one = scratch.byteCount(threads: 1)
            #expect(one > 0 && scratch.byteCount(threads: 64) == 64 * one)
            scratch.addSumOfSquares(count: 1 << 60)
            let error = #expect(throws: LensError.self) { try scratch.reserve() }
            #expect(error?.kind == .machine)
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
            #expect(throws: LensError.self) { try Matrix(rows: 1 << 40, columns: 1 << 40) }
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
