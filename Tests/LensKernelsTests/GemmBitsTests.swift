import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// An element's bits depend on its row, its column and K alone.
@Suite struct GemmBitsTests {
    @Test(arguments: InstructionSet.supported)
    func sameForAnyNumberOfThreads(_ set: InstructionSet) throws {
        let alone = try Context(set, threads: 1)
        let others = try [2, 3, 5].map { (threads: $0, context: try Context(set, threads: $0)) }
        for (transposeA, transposeB) in GemmTests.transpositions {
            for (m, n, k) in [(200, 500, 610), (50, 300, 1200), (1, 700, 600), (400, 60, 1300)] {
                let test = GemmCase(
                    transposeA: transposeA, transposeB: transposeB, accumulate: true, m: m, n: n, k: k)
                let expected = test.run(alone)
                for (threads, context) in others {
                    #expect(test.run(context) == expected, "\(test.description), \(threads) threads")
                }
            }
        }
    }

    /// Blocks of rows and columns computed alone, cut where no tile ends.
    @Test(arguments: InstructionSet.supported)
    func sameForAnyBlockOfC(_ set: InstructionSet) throws {
        let context = try Context(set)
        let (m, n, k) = (210, 230, 700)
        for (transposeA, transposeB) in GemmTests.transpositions {
            let elementsA = randomFloats(m * k, seed: 7), elementsB = randomFloats(k * n, seed: 8)
            let lda = transposeA ? m : k, ldb = transposeB ? k : n
            let whole = try Matrix(rows: m, columns: n)
            unsafe context.run {
                unsafe lens_gemm_f32(
                    $0, m, n, k, transposeA, transposeB, false, elementsA, lda, elementsB, ldb, whole.pointer, n)
            }
            for (rows, columns) in [
                (0..<1, 0..<n), (17..<18, 5..<6), (3..<20, 1..<n), (101..<m, 33..<101), (0..<m, 49..<50),
            ] {
                let block = try Matrix(rows: rows.count, columns: columns.count)
                let firstA = transposeA ? rows.lowerBound : rows.lowerBound * lda
                let firstB = transposeB ? columns.lowerBound * ldb : columns.lowerBound
                unsafe elementsA.withUnsafeBufferPointer { a in
                    unsafe elementsB.withUnsafeBufferPointer { b in
                        unsafe context.run {
                            unsafe lens_gemm_f32(
                                $0, rows.count, columns.count, k, transposeA, transposeB, false,
                                a.baseAddress! + firstA, lda,
                                b.baseAddress! + firstB, ldb, block.pointer, columns.count)
                        }
                    }
                }
                var same = true
                for (i, row) in rows.enumerated() {
                    for (j, column) in columns.enumerated() {
                        same = same && block[i, j].bitPattern == whole[row, column].bitPattern
                    }
                }
                #expect(same, "rows \(rows), columns \(columns), \(transposeA), \(transposeB)")
            }
        }
    }

    /// How the operands are stored must not matter either.
    @Test(arguments: InstructionSet.supported)
    func sameForTransposedStorage(_ set: InstructionSet) throws {
        let runtime = try Runtime(instructionSet: set)
        let (m, n, k) = (37, 101, 650)
        let a = try Matrix(rows: m, columns: k, randomFloats(m * k, seed: 9))
        let b = try Matrix(rows: k, columns: n, randomFloats(k * n, seed: 10))
        let at = try transposed(a), bt = try transposed(b)
        let expected = try Matrix(rows: m, columns: n)
        try runtime.multiply(a, b, into: expected)
        for (left, transposeA) in [(a, false), (at, true)] {
            for (right, transposeB) in [(b, false), (bt, true)] {
                let c = try Matrix(rows: m, columns: n)
                try runtime.multiply(left, transposeA: transposeA, right, transposeB: transposeB, into: c)
                #expect(c.array == expected.array)
            }
        }
    }

    private func transposed(_ x: Matrix) throws -> Matrix {
        let result = try Matrix(rows: x.columns, columns: x.rows)
        for i in 0..<x.rows { for j in 0..<x.columns { result[j, i] = x[i, j] } }
        return result
    }

    /// After the first call of a shape, further ones allocate nothing.
    @Test func steadyWorkAllocatesNothing() throws {
        let test = GemmCase(transposeB: true, m: 300, n: 200, k: 600), context = try Context()
        _ = test.run(context)
        #expect(context.counters.scratch_growths > 0)
        let before = lens_allocation_count()
        _ = test.run(context)
        #expect(lens_allocation_count() == before)
    }
}

@Suite struct PeakTests {
    @Test(arguments: InstructionSet.supported)
    func measuresARate(_ set: InstructionSet) throws {
        let rate = try Runtime(threads: 1, instructionSet: set).measurePeak(seconds: 0.01)
        #expect(rate > 0.05 && rate < 10_000)
    }
}
