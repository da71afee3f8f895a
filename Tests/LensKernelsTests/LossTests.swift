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

private func reference(_ logits: [Double], _ targets: [Int32]) -> (nll: [Double], lse: [Double]) {
    var nll = [Double](repeating: 0, count: targets.count), lse = nll
    unsafe reference_cross_entropy_forward(
        targets.count, logits.count / targets.count, logits, targets, &nll, &lse)
    return (nll, lse)
}

@Suite struct LossTests {
    private func targets(_ rows: Int, _ vocabulary: Int) -> [Int32] {
        (0..<rows).map { Int32($0 == 0 ? vocabulary - 1 : $0 * 7919 % vocabulary) }
    }

    @Test func forwardAgreesWithDoublePrecision() throws {
        try onEveryInstructionSet { context, atStart, name in
            for vocabulary in boundaryLengths + [2047, 2048, 2049, 5000, 49152] {
                for (scale, shift) in [(3, 0), (40, -1000), (0.01, 1e6), (1000, 0)] as [(Float, Float)] {
                    let rows = vocabulary > 5000 ? 1 : 3
                    let logits = randomFloats(rows * vocabulary, seed: 1, scale: scale).map { $0 + shift }
                    let targets = targets(rows, vocabulary)
                    let source = GuardedBuffer(logits, atStart: atStart)
                    let nll = GuardedBuffer<Float>(count: rows, atStart: atStart)
                    let lse = GuardedBuffer<Float>(count: rows, atStart: atStart)
                    unsafe withPointers(nll, lse, source) { nll, lse, source in
                        unsafe context.run {
                            unsafe lens_cross_entropy_forward($0, rows, vocabulary, source, targets, nll, lse)
                        }
                    }
                    let (losses, expected) = reference(logits.doubles, targets)
                    // One block of 2048 in fp32: each term within 2 ulp and its difference rounded, then a chain
                    // of 2048/16 additions (2048/8 with the narrower vectors).
                    let sum = (20 + 256) * unitRoundoff
                    let what = "\(name) V=\(vocabulary) scale=\(scale) shift=\(shift)"
                    expectClose(lse.array, expected, within: { sum + unitRoundoff * abs(expected[$0]) }, what)
                    expectClose(nll.array, losses, within: { sum + unitRoundoff * abs(losses[$0]) }, what)
                }
            }
        }
    }

    @Test func backwardAgreesWithCentralDifferences() throws {
        try onEveryInstructionSet { context, atStart, name in
            for vocabulary in [1, 2, 7, 8, 9, 16, 17, 31, 33, 65] {
                let rows = 3, weights: [Float] = [0.5, 0, 2]
                let logits = randomFloats(rows * vocabulary, seed: 2, scale: 4)
                let targets = targets(rows, vocabulary)
                let expected = centralDifferences(at: logits.doubles) { dot(reference($0, targets).nll, weights) }
                let buffer = GuardedBuffer(logits, atStart: atStart),
                    factors = GuardedBuffer(weights, atStart: atStart)
                let nll = GuardedBuffer<Float>(count: rows, atStart: atStart)
                let lse = GuardedBuffer<Float>(count: rows, atStart: atStart)
                unsafe withPointers(buffer, factors, nll, lse) { buffer, factors, nll, lse in
                    unsafe context.run {
                        unsafe lens_cross_entropy_forward($0, rows, vocabulary, buffer, targets, nll, lse)
                    }
                    unsafe context.run {
                        unsafe lens_cross_entropy_backward($0, rows, vocabulary, targets, lse, factors, buffer)
                    }
                }
                expectClose(
                    buffer.array, expected, within: { _ in 30 * unitRoundoff + 1e-8 }, "\(name) \(vocabulary)")
                #expect(buffer.array[vocabulary..<2 * vocabulary].allSatisfy { $0 == 0 }, "weight 0")
            }
        }
    }

    @Test func maskedAndBrokenLogits() throws {
        try onEveryRuntime { runtime, name in
            // The first block all -infinity, the largest logit in the last one.
            let vocabulary = 6000
            var logits = [Float](repeating: -.infinity, count: vocabulary)
            logits[5000] = 1e4
            logits[5999] = 1e4
            let row = try Matrix(rows: 1, columns: vocabulary, logits)
            let loss = try Matrix(rows: 1, columns: 1), lse = try Matrix(rows: 1, columns: 1)
            try runtime.crossEntropy(row, targets: [5999], loss: loss, logSumExp: lse)
            #expect(abs(loss[0, 0] - Float(log(2.0))) <= 1e-7, "\(name)")
            let weights = try Matrix(rows: 1, columns: 1, [1])
            try runtime.crossEntropyBackward(row, targets: [5999], logSumExp: lse, weights: weights)
            #expect(row[0, 0] == 0 && row[0, 5000] > 0.49 && row[0, 5999] < -0.49, "\(name)")

            for place in [0, 2047, 2048, 5999] {
                logits[place] = .nan
                try runtime.crossEntropy(
                    try Matrix(rows: 1, columns: vocabulary, logits), targets: [5000], loss: loss, logSumExp: lse)
                #expect(loss[0, 0].isNaN, "\(name): NaN at \(place) must show")
                logits[place] = -.infinity
            }
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows = 37, vocabulary = 4099
        let logits = randomFloats(rows * vocabulary, seed: 3, scale: 10), targets = targets(rows + 5, vocabulary)
        let weights = try Matrix(rows: 1, columns: rows, randomFloats(rows, seed: 4))
        try expectSameBitsForAnyThreadCount("loss") { runtime in
            let matrix = try Matrix(rows: rows, columns: vocabulary, logits)
            let loss = try Matrix(rows: 1, columns: rows), lse = try Matrix(rows: 1, columns: rows)
            try runtime.crossEntropy(matrix, targets: targets, in: 5..<rows + 5, loss: loss, logSumExp: lse)
            try runtime.crossEntropyBackward(
                matrix, targets: targets, in: 5..<rows + 5, logSumExp: lse, weights: weights)
            return [matrix.array, loss.array, lse.array]
        }
    }
}
