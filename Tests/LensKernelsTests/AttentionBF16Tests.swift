import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// The forward in bf16, where the machine has it; elsewhere it is that of fp32.
@Suite struct AttentionBF16Tests {
    /// Rounding to bf16 is by at most 2^-9 of a number: a score errs by twice that of the sum of its magnitudes, and what
    /// the probabilities and values add to an output by as much of the largest value.
    @Test(arguments: [
        (1, 1, 1, 64), (2, 1, 3, 64), (47, 2, 1, 16), (48, 1, 2, 17), (49, 1, 3, 64), (97, 2, 2, 80), (300, 1, 3, 64),
        (389, 1, 4, 128), (1200, 1, 1, 3),
    ])
    func isWithinItsRounding(_ tokens: Int, _ keyValueHeads: Int, _ group: Int, _ size: Int) throws {
        let test = AttentionCase(
            tokens: tokens, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2,
            seed: UInt64(tokens + size))
        var rounded = test
        rounded.arithmetic = LENS_ARITHMETIC_BF16
        let unit: Float = 0x1p-9
        let score = 2 * unit * largestScore(test)
        for set in InstructionSet.supported {
            let exact = test.run(try Context(set)), result = rounded.run(try Context(set))
            for (a, b) in zip(result.lse, exact.lse) { #expect(abs(a - b) <= score + 1e-5) }
            for (a, b) in zip(result.out, exact.out) { #expect(abs(a - b) <= 2 * score + 2 * unit + 1e-5) }
            if set != .avx512 { #expect(result.out == exact.out && result.lse == exact.lse) }
        }
    }

    /// Any number of threads gives the same bits, and so do the first tokens of a longer sequence.
    @Test func theSameBits() throws {
        var test = AttentionCase(tokens: 500, keyValueHeads: 3, group: 3, size: 64)
        test.arithmetic = LENS_ARITHMETIC_BF16
        let result = test.run(try Context(threads: 1))
        for threads in [2, 3, 7] { #expect(test.run(try Context(threads: threads)).out == result.out) }
        let first = test.first(131).run(try Context())
        #expect(first.out == Array(result.out[..<first.out.count]))
        // Without the feature, fp32.
        let plain = test.run(try Context(features: LENS_FEATURE_NONE))
        test.arithmetic = LENS_ARITHMETIC_F32
        #expect(test.run(try Context()).out == plain.out)
    }

    /// Of the sums of the magnitudes of scaled scores.
    private func largestScore(_ test: AttentionCase) -> Float {
        var largest: Float = 0
        for head in 0..<test.heads {
            for i in 0..<test.tokens {
                let q = (i * test.heads + head) * test.size
                for j in 0...i {
                    let k = (j * test.keyValueHeads + head / (test.heads / test.keyValueHeads)) * test.size
                    var sum: Float = 0
                    for d in 0..<test.size { sum += abs(test.q[q + d] * test.k[k + d]) }
                    largest = max(largest, sum * test.scale)
                }
            }
        }
        return largest
    }
}
