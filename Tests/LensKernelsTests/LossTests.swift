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

/// Losses and log-sum-exps of rows of logits: one product each, by the number 1.
private func losses(
    _ context: Context, _ logits: GuardedBuffer<Float>, _ targets: [Int32], atStart: Bool
) -> (nll: [Float], lse: [Float]) {
    let rows = targets.count, vocabulary = logits.array.count / rows
    let nll = GuardedBuffer<Float>(count: rows, atStart: atStart),
        lse = GuardedBuffer<Float>(count: rows, atStart: atStart)
    unsafe withPointers(nll, lse, logits) { nll, lse, logits in
        for row in 0..<rows {
            unsafe context.run {
                unsafe lens_head_losses_f32(
                    $0, 1, vocabulary, 1, [1], 1, logits + row * vocabulary, [targets[row]], nll + row, lse + row, nil)
            }
        }
    }
    return (nll.array, lse.array)
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
                    let found = losses(context, source, targets, atStart: atStart)
                    let expected = reference(logits.doubles, targets)
                    // One part of 192 in fp32: each term within 2 ulp and its difference rounded, then a chain of 192/16
                    // additions (192/8 with the narrower vectors).
                    let sum = (20 + 24) * unitRoundoff
                    let what = "\(name) V=\(vocabulary) scale=\(scale) shift=\(shift)"
                    expectClose(found.lse, expected.lse, within: { sum + unitRoundoff * abs(expected.lse[$0]) }, what)
                    expectClose(found.nll, expected.nll, within: { sum + unitRoundoff * abs(expected.nll[$0]) }, what)
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
                let (_, logSumExp) = losses(context, buffer, targets, atStart: atStart)
                let lse = GuardedBuffer(logSumExp, atStart: atStart)
                unsafe withPointers(buffer, factors, lse) { buffer, factors, lse in
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
            let row = try Matrix(rows: 1, columns: vocabulary, logits), one = try Matrix(rows: 1, columns: 1, [1])
            let column = row.reshaped(rows: vocabulary, columns: 1)
            let loss = try Matrix(rows: 1, columns: 1), lse = try Matrix(rows: 1, columns: 1)
            try runtime.headLosses(one, column, targets: [5999], into: loss, logSumExp: lse)
            #expect(abs(loss[0, 0] - Float(log(2.0))) <= 1e-7, "\(name)")
            let weights = try Matrix(rows: 1, columns: 1, [1])
            try runtime.crossEntropyBackward(row, targets: [5999], logSumExp: lse, weights: weights)
            #expect(row[0, 0] == 0 && row[0, 5000] > 0.49 && row[0, 5999] < -0.49, "\(name)")

            for place in [0, 2047, 2048, 5999] {
                logits[place] = .nan
                try runtime.headLosses(
                    one, try Matrix(rows: vocabulary, columns: 1, logits), targets: [5000], into: loss, logSumExp: lse)
                #expect(loss[0, 0].isNaN, "\(name): NaN at \(place) must show")
                logits[place] = -.infinity
            }
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        let rows = 137, vocabulary = 4099, width = 70, targets = targets(rows + 5, vocabulary)
        let hidden = try Matrix(rows: rows, columns: width, randomFloats(rows * width, seed: 3, scale: 3))
        let head = try Matrix(rows: vocabulary, columns: width, randomFloats(vocabulary * width, seed: 5))
        let weights = try Matrix(rows: 1, columns: rows, randomFloats(rows, seed: 4))
        try expectSameBitsForAnyThreadCount("loss") { runtime in
            let logits = try Matrix(rows: rows, columns: vocabulary)
            let loss = try Matrix(rows: 1, columns: rows), lse = try Matrix(rows: 1, columns: rows)
            try runtime.headLosses(
                hidden, head, targets: targets, in: 5..<rows + 5, into: loss, logSumExp: lse, logits: logits)
            let kept = logits.array
            try runtime.crossEntropyBackward(
                logits, targets: targets, in: 5..<rows + 5, logSumExp: lse, weights: weights)
            return [kept, logits.array, loss.array, lse.array]
        }
    }

    /// Around tiles, blocks of 48 rows, groups of 1056 and parts of 192 columns, with sums over K in one piece and in two.
    @Test func theLogitsAreThoseOfTheProduct() throws {
        try onEveryRuntime { runtime, name in
            for (rows, vocabulary, width) in [(1, 1, 1), (47, 191, 7), (49, 193, 600), (97, 1000, 40), (1060, 385, 3)] {
                let hidden = try Matrix(rows: rows, columns: width, randomFloats(rows * width, seed: 1, scale: 2))
                let head = try Matrix(rows: vocabulary, columns: width, randomFloats(vocabulary * width, seed: 2))
                let product = try Matrix(rows: rows, columns: vocabulary),
                    logits = try Matrix(rows: rows, columns: vocabulary)
                let loss = try Matrix(rows: 1, columns: rows), lse = try Matrix(rows: 1, columns: rows)
                let targets = targets(rows, vocabulary), what: Comment = "\(name) \(rows) \(vocabulary) \(width)"
                try runtime.multiply(hidden, head, transposeB: true, into: product)
                try runtime.headLosses(hidden, head, targets: targets, into: loss, logSumExp: lse, logits: logits)
                #expect(logits.array == product.array, what)
                let expected = reference(product.array.doubles, targets)
                expectClose(
                    loss.array, expected.nll, within: { 44 * unitRoundoff + unitRoundoff * abs(expected.nll[$0]) }, name
                )

                // The same without what is stored, in one piece and row by row.
                let alone = try Matrix(rows: 1, columns: rows)
                try runtime.headLosses(hidden, head, targets: targets, into: alone)
                #expect(alone.array == loss.array, what)
                for row in stride(from: 0, to: rows, by: 13) {
                    try runtime.headLosses(
                        hidden.rows(row..<row + 1), head, targets: targets, in: row..<row + 1,
                        into: alone.columns(row..<row + 1))
                }
                #expect(alone.array == loss.array, what)
            }
        }
    }

    @Test func refusesAHeadOfNothing() throws {
        var nothing: [Float] = [0]
        try unsafe Context().with { context in
            #expect(unsafe lens_head_losses_f32(context, 1, 0, 1, [1], 1, [1], [0], &nothing, nil, nil) == LENS_INVALID)
            #expect(unsafe lens_head_losses_f32(context, 1, 1, 0, [1], 1, [1], [0], &nothing, nil, nil) == LENS_INVALID)
        }
    }
}
