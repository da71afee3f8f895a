import CLensReference
import CLongLens
import LensKernels
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

private func swiGLU(_ gate: [Double], _ up: [Double]) -> [Double] {
    var out = gate
    unsafe reference_swiglu_forward(gate.count, gate, up, &out)
    return out
}

@Suite struct VectorTests {
    @Test func biasesAreAddedExactly() throws {
        try onEveryInstructionSet { context, atStart, name in
            for columns in boundaryLengths {
                let x = randomFloats(3 * columns, seed: 3), bias = randomFloats(columns, seed: 4)
                let to = GuardedBuffer(x, atStart: atStart), from = GuardedBuffer(bias, atStart: atStart)
                unsafe withPointers(from, to) { from, to in
                    unsafe context.run { unsafe lens_bias_forward($0, 3, columns, from, to) }
                }
                #expect(to.array == x.indices.map { x[$0] + bias[$0 % columns] }, "\(name) \(columns)")
            }
        }
    }

    @Test func biasGradientIsTheColumnSum() throws {
        try onEveryInstructionSet { context, atStart, name in
            for (rows, columns) in [(1, 1), (2, 17), (16, 8), (17, 33), (1025, 3), (2100, 31)] {
                let dout = randomFloats(rows * columns, seed: 5), before = randomFloats(columns, seed: 6)
                var expected = before.doubles, magnitude = before.doubles.map(abs)
                for i in dout.indices {
                    expected[i % columns] += Double(dout[i])
                    magnitude[i % columns] += Double(abs(dout[i]))
                }
                let sum = GuardedBuffer(before, atStart: atStart), gradient = GuardedBuffer(dout, atStart: atStart)
                unsafe withPointers(gradient, sum) { gradient, sum in
                    unsafe context.run { unsafe lens_bias_backward($0, rows, columns, gradient, sum) }
                }
                // The longest chain: rows of one block, then the blocks.
                let chain = Double(max(16, (rows + 63) / 64) + 64)
                expectClose(
                    sum.array, expected, within: { chain * unitRoundoff * magnitude[$0] },
                    "\(name) \(rows) x \(columns)")
            }
        }
    }

    @Test func swiGLUAgreesWithDoublePrecision() throws {
        try onEveryInstructionSet { context, atStart, name in
            for count in boundaryLengths {
                let gate = randomFloats(count, seed: 7, scale: 100), up = randomFloats(count, seed: 8)
                let expected = swiGLU(gate.doubles, up.doubles)
                let a = GuardedBuffer(gate, atStart: atStart), b = GuardedBuffer(up, atStart: atStart)
                let out = GuardedBuffer<Float>(count: count, atStart: atStart)
                func compute(_ gate: GuardedBuffer<Float>, _ up: GuardedBuffer<Float>, _ out: GuardedBuffer<Float>) {
                    unsafe withPointers(gate, up, out) { gate, up, out in
                        unsafe context.run { unsafe lens_swiglu_forward($0, count, gate, up, out) }
                    }
                }
                compute(a, b, out)
                // exp within 2 ulp (4 units), and five more roundings; below the normal range an absolute error.
                let tolerance = { (i: Int) in 9 * unitRoundoff * abs(expected[i]) + 1e-42 }
                expectClose(out.array, expected, within: tolerance, "\(name) \(count)")
                for target in [a, b] {
                    let first = GuardedBuffer(gate), second = GuardedBuffer(up)
                    let over = target === a ? first : second
                    compute(first, second, over)
                    #expect(over.array == out.array, "in place, \(name) \(count)")
                }
            }
        }
    }

    @Test func swiGLUBackwardAgreesWithCentralDifferences() throws {
        try onEveryInstructionSet { context, atStart, name in
            for count in [1, 7, 8, 9, 16, 17, 33] {
                let gate = randomFloats(count, seed: 9, scale: 12), up = randomFloats(count, seed: 10)
                let dout = randomFloats(count, seed: 11)
                let dgate = centralDifferences(at: gate.doubles) { dot(swiGLU($0, up.doubles), dout) }
                let dup = centralDifferences(at: up.doubles) { dot(swiGLU(gate.doubles, $0), dout) }
                let a = GuardedBuffer(gate, atStart: atStart), b = GuardedBuffer(up, atStart: atStart)
                let d = GuardedBuffer(dout, atStart: atStart)
                let first = GuardedBuffer<Float>(count: count, atStart: atStart)
                let second = GuardedBuffer<Float>(count: count, atStart: atStart)
                unsafe withPointers(first, second, d, a, b) { first, second, d, a, b in
                    unsafe context.run { unsafe lens_swiglu_backward($0, count, d, a, b, first, second) }
                }
                let tolerance = { (i: Int) in 12 * unitRoundoff * (1 + abs(Double(gate[i]))) + 1e-8 }
                expectClose(first.array, dgate, within: tolerance, "\(name) \(count)")
                expectClose(second.array, dup, within: tolerance, "\(name) \(count)")

                for overwriteUp in [true, false] {
                    let a = GuardedBuffer(gate), b = GuardedBuffer(up), d = GuardedBuffer(dout)
                    let target = overwriteUp ? b : d
                    unsafe withPointers(a, target, d, b) { a, target, d, b in
                        unsafe context.run { unsafe lens_swiglu_backward($0, count, d, a, b, a, target) }
                    }
                    #expect(a.array == first.array && target.array == second.array, "in place, \(name) \(count)")
                }
            }
        }
    }

    @Test func swiGLUStandsExtremeGates() throws {
        try onEveryRuntime { runtime, name in
            let gate: [Float] = [-1e30, -200, -104, -88, 88, 104, 200, 1e30]
            let a = try Matrix(rows: 1, columns: 8, gate), ones = try Matrix(rows: 1, columns: 8)
            ones.fill(1)
            let out = try Matrix(rows: 1, columns: 8)
            let dgate = try Matrix(rows: 1, columns: 8), dup = try Matrix(rows: 1, columns: 8)
            try runtime.swiGLU(gate: a, up: ones, into: out)
            try runtime.swiGLUBackward(ones, gate: a, up: ones, gateGradient: dgate, upGradient: dup)
            for i in 0..<8 {
                let expected = gate[i] < 0 ? 0 : gate[i]
                #expect(abs(out[0, i] - expected) <= 1e-35, "\(name) \(gate[i])")
                #expect(abs(dgate[0, i] - (gate[i] < 0 ? 0 : 1)) <= 1e-35, "\(name) \(gate[i])")
                #expect(dup[0, i] == out[0, i], "\(name) \(gate[i])")
            }
        }
    }

    @Test func sumOfSquaresIsInDouble() throws {
        try onEveryInstructionSet { context, atStart, name in
            for count in [0] + boundaryLengths + [32768, 32769, 100_003] {
                var x = randomFloats(count, seed: 12)
                if count > 3 { x[count - 2] = 1e20 }
                let buffer = GuardedBuffer(x, atStart: atStart)
                let expected = x.reduce(0.0) { $0 + Double($1) * Double($1) }
                var result = Double.nan
                unsafe withPointers(buffer) { x in
                    unsafe context.run { unsafe lens_sum_of_squares($0, count, x, &result) }
                }
                #expect(abs(result - expected) <= 1e-12 * expected, "\(name) \(count)")
            }
        }
    }

    @Test func firstNonFiniteIsFound() throws {
        try onEveryInstructionSet { context, atStart, name in
            for count in [0] + boundaryLengths + [511, 513, 70_000] {
                let buffer = GuardedBuffer(
                    randomFloats(count, seed: 13, scale: .greatestFiniteMagnitude), atStart: atStart)
                func first() -> Int {
                    var index = -1
                    unsafe withPointers(buffer) { x in
                        unsafe context.run { unsafe lens_first_nonfinite($0, count, x, &index) }
                    }
                    return index
                }
                #expect(first() == count, "\(name) \(count)")
                for place in Set([0, count / 3, count / 2, count - 1]) where place >= 0 && place < count {
                    for bad in [Float.nan, .infinity, -.infinity] {
                        let kept = (buffer[place], buffer[count - 1])
                        buffer[count - 1] = .nan
                        buffer[place] = bad
                        #expect(first() == place, "\(name) \(count)")
                        buffer[count - 1] = kept.1
                        buffer[place] = kept.0
                    }
                }
            }
        }
        let matrix = try Matrix(rows: 2, columns: 3)
        let runtime = try Runtime()
        #expect(try runtime.firstNonFinite(matrix) == nil)
        matrix[1, 1] = .nan
        #expect(try runtime.firstNonFinite(matrix) == 4)
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows = 1301, columns = 77, count = rows * columns
        let x = randomFloats(count, seed: 14, scale: 5), y = randomFloats(count, seed: 15)
        let bias = try Matrix(rows: 1, columns: columns, randomFloats(columns, seed: 16))
        try expectSameBitsForAnyThreadCount("vector") { runtime in
            let a = try Matrix(rows: rows, columns: columns, x), b = try Matrix(rows: rows, columns: columns, y)
            try runtime.addBias(bias, to: b)
            let out = try Matrix(rows: rows, columns: columns), sums = try Matrix(rows: 1, columns: columns)
            let dgate = try Matrix(rows: rows, columns: columns), dup = try Matrix(rows: rows, columns: columns)
            try runtime.swiGLU(gate: a, up: b, into: out)
            try runtime.swiGLUBackward(out, gate: a, up: b, gateGradient: dgate, upGradient: dup)
            try runtime.biasBackward(dgate, biasGradient: sums)
            let squares = try runtime.sumOfSquares(dup).bitPattern
            let halves = [
                Float(bitPattern: UInt32(squares >> 32)), Float(bitPattern: UInt32(truncatingIfNeeded: squares)),
            ]
            return [b.array, out.array, dgate.array, dup.array, sums.array, halves]
        }
    }
}
