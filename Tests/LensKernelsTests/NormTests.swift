import CLensReference
import CLongLens
import LensKernels
import LensTestSupport
import Testing

private func reference(_ x: [Double], weight: [Double], rows: Int, epsilon: Double) -> (out: [Double], rstd: [Double]) {
    var out = x, rstd = [Double](repeating: 0, count: rows)
    unsafe reference_rmsnorm_forward(rows, weight.count, epsilon, x, weight, &out, &rstd)
    return (out, rstd)
}

@Suite struct NormTests {
    let epsilon: Float = 1e-5

    @Test func forwardAgreesWithDoublePrecision() throws {
        try onEveryInstructionSet { context, atStart, name in
            for columns in boundaryLengths {
                for (rows, scale) in [(1, 1), (3, 1e-3), (5, 1e20)] as [(Int, Float)] {
                    let x = randomFloats(rows * columns, seed: 1, scale: scale),
                        weight = randomFloats(columns, seed: 2)
                    let expected = reference(
                        x.doubles, weight: weight.doubles, rows: rows, epsilon: Double(epsilon))
                    let input = GuardedBuffer(x, atStart: atStart),
                        factors = GuardedBuffer(weight, atStart: atStart)
                    let out = GuardedBuffer<Float>(count: x.count, atStart: atStart)
                    let rstd = GuardedBuffer<Float>(count: rows, atStart: atStart)
                    unsafe withPointers(out, rstd, input, factors) { out, rstd, input, factors in
                        unsafe context.run {
                            unsafe lens_rmsnorm_forward($0, rows, columns, epsilon, input, factors, out, rstd)
                        }
                    }
                    // Three roundings: rstd and two products.
                    let what = "\(name) \(rows) x \(columns)"
                    expectClose(out.array, expected.out, within: { 4 * unitRoundoff * abs(expected.out[$0]) }, what)
                    expectClose(rstd.array, expected.rstd, within: { 2 * unitRoundoff * expected.rstd[$0] }, what)

                    unsafe withPointers(input, factors) { input, factors in
                        unsafe context.run {
                            unsafe lens_rmsnorm_forward($0, rows, columns, epsilon, input, factors, input, nil)
                        }
                    }
                    #expect(input.array == out.array, "in place, \(what)")
                }
            }
        }
    }

    @Test func backwardAgreesWithCentralDifferences() throws {
        try onEveryInstructionSet { context, atStart, name in
            for columns in [1, 7, 8, 9, 16, 17, 31, 33, 48] {
                let rows = 3
                let x = randomFloats(rows * columns, seed: 3), weight = randomFloats(columns, seed: 4)
                let dout = randomFloats(rows * columns, seed: 5)
                let before = randomFloats(rows * columns, seed: 6), weightBefore = randomFloats(columns, seed: 7)
                let loss = { (x: [Double], weight: [Double]) in
                    dot(reference(x, weight: weight, rows: rows, epsilon: Double(epsilon)).out, dout)
                }
                let dx = centralDifferences(at: x.doubles) { loss($0, weight.doubles) }
                let dweight = centralDifferences(at: weight.doubles) { loss(x.doubles, $0) }
                let rstd = reference(x.doubles, weight: weight.doubles, rows: rows, epsilon: Double(epsilon)).rstd
                let r = rstd.max() ?? 0
                // A few roundings of terms of the size of rstd, and rstd³ * x * mean(dout * weight * x).
                let tolerance = 1e-7 * max(1, r * r * r) + 12 * unitRoundoff * (r + r * r * r)

                let input = GuardedBuffer(x, atStart: atStart), factors = GuardedBuffer(weight, atStart: atStart)
                let gradient = GuardedBuffer(dout, atStart: atStart)
                let inverse = GuardedBuffer(rstd.map(Float.init), atStart: atStart)
                func backward(
                    _ dout: GuardedBuffer<Float>, _ accumulate: Bool, _ dx: GuardedBuffer<Float>,
                    _ dweight: GuardedBuffer<Float>
                ) {
                    unsafe withPointers(dout, input, factors, inverse, dx, dweight) {
                        dout, x, weight, rstd, dx, dweight in
                        unsafe context.run {
                            unsafe lens_rmsnorm_backward(
                                $0, rows, columns, accumulate, dout, x, weight, rstd, dx, dweight)
                        }
                    }
                }
                for accumulate in [false, true] {
                    let result = GuardedBuffer(before, atStart: atStart)
                    let weights = GuardedBuffer(weightBefore, atStart: atStart)
                    backward(gradient, accumulate, result, weights)
                    let expected = accumulate ? zip(dx, before).map { $0 + Double($1) } : dx
                    let what = "\(name) \(columns), accumulate \(accumulate)"
                    expectClose(result.array, expected, within: { _ in tolerance }, what)
                    expectClose(
                        weights.array, zip(dweight, weightBefore).map { $0 + Double($1) },
                        within: { _ in tolerance + 4 * unitRoundoff * Double(rows) * r }, what)
                }
                let plain = GuardedBuffer(before), weights = GuardedBuffer(weightBefore)
                backward(gradient, false, plain, weights)
                backward(gradient, false, gradient, weights)
                #expect(gradient.array == plain.array, "over dout, \(name) \(columns)")
            }
        }
    }

    @Test func weightGradientOfManyRowsIsTheirSum() throws {
        // More rows than there are partial sums, and a last block that is not full.
        let rows = 2051, columns = 33
        let x = randomFloats(rows * columns, seed: 8), dout = randomFloats(rows * columns, seed: 9)
        let weight = randomFloats(columns, seed: 10)
        let rstd = reference(x.doubles, weight: weight.doubles, rows: rows, epsilon: Double(epsilon)).rstd
        var expected = [Double](repeating: 0, count: columns), magnitude = expected
        for i in x.indices {
            let term = Double(dout[i]) * Double(x[i]) * rstd[i / columns]
            expected[i % columns] += term
            magnitude[i % columns] += abs(term)
        }
        try onEveryRuntime { runtime, name in
            let dx = try Matrix(rows: rows, columns: columns), dweight = try Matrix(rows: 1, columns: columns)
            try runtime.rmsNormBackward(
                try Matrix(rows: rows, columns: columns, dout), x: try Matrix(rows: rows, columns: columns, x),
                weight: try Matrix(rows: 1, columns: columns, weight),
                rstd: try Matrix(rows: 1, columns: rows, rstd.map(Float.init)), into: dx, weightGradient: dweight)
            expectClose(dweight.array, expected, within: { 100 * unitRoundoff * magnitude[$0] }, name)
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows = 1500, columns = 65
        let x = try Matrix(rows: rows, columns: columns, randomFloats(rows * columns, seed: 11))
        let dout = try Matrix(rows: rows, columns: columns, randomFloats(rows * columns, seed: 12))
        let weight = try Matrix(rows: 1, columns: columns, randomFloats(columns, seed: 13))
        try expectSameBitsForAnyThreadCount("norm") { runtime in
            let out = try Matrix(rows: rows, columns: columns), rstd = try Matrix(rows: 1, columns: rows)
            let dx = try Matrix(rows: rows, columns: columns), dweight = try Matrix(rows: 1, columns: columns)
            try runtime.rmsNorm(x, weight: weight, epsilon: epsilon, into: out, rstd: rstd)
            try runtime.rmsNormBackward(dout, x: x, weight: weight, rstd: rstd, into: dx, weightGradient: dweight)
            return [out.array, rstd.array, dx.array, dweight.array]
        }
    }
}
