import LensKernels
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// One runtime: what it refuses, its scratch, and what is left of it.
@Suite struct RuntimeTests {
    @Test(arguments: [Int.min, -1, 0, 1025, Int.max])
    func threadsThatCannotBeAreRefused(_ threads: Int) {
        let error = #expect(throws: LensError.self) { try Runtime(threads: threads) }
        #expect(error?.kind == .usage && error?.message.contains("1 to 1024") == true)
    }

    @Test func anInstructionSetThatTheMachineLacksIsRefused() throws {
        let lacking = try #require(InstructionSet.allCases.first { !$0.isSupported })
        let error = #expect(throws: LensError.self) { try Runtime(instructionSet: lacking) }
        #expect(error?.kind == .machine && error?.message.contains(lacking.rawValue) == true)
    }

    @Test func itHasTheSettingsAskedFor() throws {
        for set in InstructionSet.supported {
            let runtime = try Runtime(threads: 3, instructionSet: set)
            #expect(runtime.threadCount == 3 && runtime.instructionSet == set)
        }
        let most = try Runtime(threads: Runtime.maximumThreadCount)
        #expect(most.threadCount == 1024 && most.counters.workers == 0, "threads start with the first work")
        let plain = try Runtime()
        #expect(plain.threadCount == Processor.coreCount && plain.instructionSet == .best)
    }

    @Test func scratchGrowsAndIsKept() throws {
        let runtime = try Runtime(threads: 2)
        #expect(runtime.counters.scratchByteCount == 0 && runtime.counters.scratchGrowths == 0)
        func reserve(_ count: Int) throws {
            var scratch = KernelScratch(runtime)
            scratch.addSumOfSquares(count: count)
            try scratch.reserve()
            #expect(runtime.counters.scratchByteCount >= scratch.byteCount)
        }
        try reserve(1 << 20)
        let small = runtime.counters, allocations = AlignedBuffer.allocationCount
        #expect(small.scratchGrowths == 1)
        try reserve(1 << 19)
        #expect(runtime.counters == small && AlignedBuffer.allocationCount == allocations)
        try reserve(1 << 40)
        #expect(runtime.counters.scratchGrowths == 2 && AlignedBuffer.allocationCount == allocations + 1)
        #expect(runtime.counters.scratchByteCount >= 8 << 25)
    }

    @Test(arguments: [1, 3, 7])
    func reservedScratchIsAllThatKernelsTake(_ threads: Int) throws {
        let (heads, keyValueHeads, size) = (4, 2, 20)
        let runtime = try Runtime(threads: threads)
        for length in [5, 70, 400] {
            var scratch = KernelScratch(runtime)
            scratch.addLinearMap(rows: length, outputs: 700, inputs: 90, trains: true)
            scratch.addAttention(length: length, heads: heads, keyValueHeads: keyValueHeads, size: size)
            scratch.addColumnSums(rows: length, columns: 700)
            scratch.addSumOfSquares(count: length * 700)
            try scratch.reserve()
            let reserved = runtime.counters
            #expect(reserved.scratchByteCount >= scratch.byteCount)
            for rows in [1, length / 3 + 1, length] { try run(runtime, rows, heads, keyValueHeads, size) }
            #expect(runtime.counters.scratchGrowths == reserved.scratchGrowths, "\(length) tokens")
            #expect(runtime.counters.scratchByteCount == reserved.scratchByteCount, "\(length) tokens")
        }
    }

    private func run(_ runtime: Runtime, _ rows: Int, _ heads: Int, _ keyValueHeads: Int, _ size: Int) throws {
        let x = try Matrix(rows: rows, columns: 90), w = try Matrix(rows: 700, columns: 90)
        let y = try Matrix(rows: rows, columns: 700), bias = try Matrix(rows: 1, columns: 700)
        try runtime.multiply(x, w, transposeB: true, into: y)
        try runtime.multiply(y, w, into: x)
        try runtime.multiply(y, transposeA: true, x, into: w, accumulate: true)
        try runtime.biasBackward(y, biasGradient: bias)
        _ = try runtime.sumOfSquares(y)
        let q = try Matrix(rows: rows, columns: heads * size), out = try Matrix(rows: rows, columns: heads * size)
        let k = try Matrix(rows: rows, columns: keyValueHeads * size)
        let dk = try Matrix(rows: rows, columns: keyValueHeads * size)
        let lse = try Matrix(rows: heads, columns: rows), delta = try Matrix(rows: heads, columns: rows)
        try runtime.attention(
            query: q, key: k, value: k, heads: heads, keyValueHeads: keyValueHeads, into: out, logSumExp: lse)
        try runtime.attentionBackward(
            query: q, key: k, value: k, output: out, logSumExp: lse, outputGradient: out, heads: heads,
            keyValueHeads: keyValueHeads, delta: delta, queryGradient: try Matrix(rows: rows, columns: heads * size),
            keyGradient: dk, valueGradient: try Matrix(rows: rows, columns: keyValueHeads * size))
    }

    @Test func scratchOfManyThreadsIsPlanned() throws {
        func bytes(_ threads: Int) throws -> Int {
            var scratch = KernelScratch(try Runtime(threads: threads))
            scratch.addAttention(length: 4096, heads: 9, keyValueHeads: 3, size: 64)
            return scratch.byteCount
        }
        let one = try bytes(1)
        #expect(one > 0)
        #expect(try bytes(64) == 64 * one)
    }

    /// Memory that is not there is an error of the machine, of a plan as of a kernel, and the runtime goes on as before.
    @Test func scratchThatCannotBeHadIsAnErrorAndNothingMore() throws {
        let chain = try Chain(), runtime = try Runtime(threads: 2)
        let expected = try chain.bits(on: runtime)
        var scratch = KernelScratch(runtime)
        scratch.addSumOfSquares(count: 1 << 62)
        let error = #expect(throws: LensError.self) { try scratch.reserve() }
        #expect(error?.kind == .machine)
        #expect(try chain.bits(on: runtime) == expected)
        #expect(try chain.bits(on: Runtime(threads: 2)) == expected)
    }

    @Test func steadyWorkAllocatesNothing() throws {
        let x = try Matrix(rows: 300, columns: 40), weight = try Matrix(rows: 1, columns: 40)
        let out = try Matrix(rows: 300, columns: 40), rstd = try Matrix(rows: 1, columns: 300)
        let runtime = try Runtime()
        func step() throws {
            try runtime.rmsNorm(x, weight: weight, epsilon: 1e-5, into: out, rstd: rstd)
            try runtime.rmsNormBackward(out, x: x, weight: weight, rstd: rstd, into: x, weightGradient: weight)
            try runtime.biasBackward(x, biasGradient: weight)
            _ = try runtime.sumOfSquares(x)
        }
        try step()
        let before = AlignedBuffer.allocationCount
        #expect(runtime.counters.scratchGrowths > 0)
        try step()
        #expect(AlignedBuffer.allocationCount == before)
    }

    /// Several threads in one runtime at the same time: they take turns.
    @Test func severalThreadsMayCallKernelsAtTheSameTime() async throws {
        let runtime = try Runtime(threads: 2)
        let rows = 600, columns = 50
        let expected = (0..<rows * columns).map { Float($0 % 7) }
        let sums = (0..<columns).map { c in (0..<rows).reduce(Float(0)) { $0 + expected[$1 * columns + c] } }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let dout = try Matrix(rows: rows, columns: columns, expected)
                    for _ in 0..<100 {
                        let sum = try Matrix(rows: 1, columns: columns)
                        try runtime.biasBackward(dout, biasGradient: sum)
                        if sum.array != sums { return false }
                    }
                    return true
                }
            }
            for try await right in group { #expect(right) }
        }
    }
}
