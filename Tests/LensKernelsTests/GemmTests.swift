import CLongLens
import LensKernels
import LensTestSupport
import Testing

@Suite struct GemmTests {
    static let transpositions = [(false, false), (false, true), (true, false), (true, true)]

    /// Around the tiles of all instruction sets (4 x 4, 6 x 16, 8 x 48): 1, below, the tile, above, multiples.
    static let rowCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 17]
    static let columnCounts = [1, 3, 4, 5, 15, 16, 17, 31, 33, 47, 48, 49, 97]
    static let depths = [1, 2, 7, 8, 9, 16, 17, 35]

    @Test(arguments: InstructionSet.supported)
    func matchesDoublePrecisionAroundTheTile(_ set: InstructionSet) throws {
        let context = try Context(set)
        for (transposeA, transposeB) in Self.transpositions {
            for m in Self.rowCounts {
                for n in Self.columnCounts {
                    let k = Self.depths[(m * 5 + n) % Self.depths.count]
                    let test = GemmCase(
                        transposeA: transposeA, transposeB: transposeB, accumulate: (m + n) % 2 == 0, m: m,
                        n: n, k: k, atStart: n % 2 == 0, seed: UInt64(m * 1000 + n))
                    #expect(test.complaint(about: test.run(context)) == nil)
                }
            }
        }
    }

    /// K around the step (576) and its multiples, M around where panels of B are no longer packed where they are
    /// used (256), sizes around blocks, and rows of B that collide in a cache (stride 2048).
    @Test(arguments: InstructionSet.supported)
    func matchesDoublePrecisionAroundTheBlocks(_ set: InstructionSet) throws {
        let shapes = [
            (9, 50, 575), (9, 50, 576), (9, 50, 577), (5, 17, 1151), (5, 17, 1152), (5, 17, 1153), (1, 1, 5000),
            (63, 33, 20), (64, 33, 20), (65, 33, 20), (255, 33, 20), (256, 33, 20), (257, 33, 20), (300, 65, 40),
            (200, 575, 12), (200, 576, 12), (300, 577, 12), (100, 100, 600), (270, 100, 600), (33, 2048, 7),
        ]
        let context = try Context(set)
        for (transposeA, transposeB) in Self.transpositions {
            for (m, n, k) in shapes {
                let test = GemmCase(
                    transposeA: transposeA, transposeB: transposeB, accumulate: m % 2 == 0, m: m, n: n, k: k,
                    seed: UInt64(m + n + k))
                #expect(test.complaint(about: test.run(context)) == nil)
            }
        }
    }

    /// More rows (4096) and columns (3072) than have packed panels at a time.
    @Test(arguments: InstructionSet.supported)
    func matchesDoublePrecisionPastThePackedPart(_ set: InstructionSet) throws {
        let context = try Context(set)
        for (transposeA, transposeB) in Self.transpositions {
            // Both at once is slow to check: in one case only.
            for (m, n) in [(4110, 5), (3, 3090)] + (transposeA && transposeB ? [(4099, 3083)] : []) {
                let test = GemmCase(transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: 3)
                #expect(test.complaint(about: test.run(context)) == nil)
            }
        }
    }

    @Test(arguments: InstructionSet.supported)
    func respectsRowStrides(_ set: InstructionSet) throws {
        let context = try Context(set)
        for (transposeA, transposeB) in Self.transpositions {
            for (m, n, k) in [(1, 1, 1), (7, 47, 9), (8, 48, 16), (9, 49, 33), (100, 130, 70), (13, 20, 580)] {
                for padding in [
                    (a: 1, b: 0, c: 0), (a: 0, b: 3, c: 0), (a: 0, b: 0, c: 5), (a: 7, b: 1, c: 13),
                ] {
                    for accumulate in [false, true] {
                        let test = GemmCase(
                            transposeA: transposeA, transposeB: transposeB, accumulate: accumulate, m: m, n: n,
                            k: k, padding: padding, atStart: accumulate)
                        #expect(test.complaint(about: test.run(context)) == nil)
                    }
                }
            }
        }
    }

    @Test(arguments: InstructionSet.supported)
    func emptyProductsAreZeroOrChangeNothing(_ set: InstructionSet) throws {
        let context = try Context(set)
        for (transposeA, transposeB) in Self.transpositions {
            for (m, n, k) in [(0, 5, 3), (5, 0, 3), (0, 0, 0), (5, 7, 0), (100, 60, 0)] {
                var test = GemmCase(
                    transposeA: transposeA, transposeB: transposeB, m: m, n: n, k: k,
                    padding: (a: 0, b: 0, c: 2))
                #expect(test.complaint(about: test.run(context)) == nil)
                test.accumulate = true
                #expect(test.run(context) == test.elementsOfC())
            }
        }
    }

    /// Without `accumulate` the old content of C must not matter, not even when it is no number.
    @Test(arguments: InstructionSet.supported)
    func overwritesWhatWasThere(_ set: InstructionSet) throws {
        let runtime = try Runtime(instructionSet: set)
        for (m, n, k) in [(3, 5, 4), (8, 48, 20), (120, 100, 700)] {
            let a = try Matrix(rows: m, columns: k, randomFloats(m * k, seed: 3))
            let b = try Matrix(rows: k, columns: n, randomFloats(k * n, seed: 4))
            let clean = try Matrix(rows: m, columns: n), dirty = try Matrix(rows: m, columns: n)
            dirty.fill(.nan)
            try runtime.multiply(a, b, into: clean)
            try runtime.multiply(a, b, into: dirty)
            #expect(clean.array == dirty.array)
        }
    }

    /// An infinity or NaN reaches the elements it belongs to, and no others.
    @Test(arguments: InstructionSet.supported)
    func keepsNonFiniteValuesInTheirRowAndColumn(_ set: InstructionSet) throws {
        let runtime = try Runtime(instructionSet: set)
        let (m, n, k) = (11, 53, 19)
        let a = try Matrix(rows: m, columns: k, randomFloats(m * k, seed: 5))
        let b = try Matrix(rows: k, columns: n, randomFloats(k * n, seed: 6))
        a[9, 4] = .infinity
        b[7, 50] = .nan
        let c = try Matrix(rows: m, columns: n)
        try runtime.multiply(a, b, into: c)
        for i in 0..<m { for j in 0..<n { #expect(c[i, j].isFinite == (i != 9 && j != 50)) } }
    }

    @Test func swiftWrapperTakesShapesFromItsMatrices() throws {
        let a = try Matrix(rows: 2, columns: 3, [1, 2, 3, 4, 5, 6])
        let w = try Matrix(rows: 2, columns: 3, [1, 0, -1, 2, 1, 0])
        let y = try Matrix(rows: 2, columns: 2)
        let runtime = try Runtime()
        try runtime.multiply(a, w, transposeB: true, into: y)
        #expect(y.array == [-2, 4, -2, 13])
        let dx = try Matrix(rows: 2, columns: 3)
        try runtime.multiply(y, w, into: dx)
        #expect(dx.array == [6, 4, 2, 24, 13, 2])
        let dw = try Matrix(rows: 2, columns: 3, [1, 1, 1, 1, 1, 1])
        try runtime.multiply(y, transposeA: true, a, into: dw, accumulate: true)
        #expect(dw.array == [-9, -13, -17, 57, 74, 91])
    }
}
