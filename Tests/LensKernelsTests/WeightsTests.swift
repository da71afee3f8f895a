import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// Products with quantized weights: exact integers, the same bits everywhere, and losses without logits.
@Suite struct WeightsTests {
    static let types: [lens_type] = [
        LENS_TYPE_Q4_0, LENS_TYPE_Q4_1, LENS_TYPE_Q5_0, LENS_TYPE_Q5_1, LENS_TYPE_Q8_0, LENS_TYPE_Q2_K, LENS_TYPE_Q3_K,
        LENS_TYPE_Q4_K, LENS_TYPE_Q5_K, LENS_TYPE_Q6_K, LENS_TYPE_IQ4_NL, LENS_TYPE_IQ3_S, LENS_TYPE_IQ4_XS,
        LENS_TYPE_MXFP4, LENS_TYPE_TQ1_0, LENS_TYPE_TQ2_0,
    ]
    /// Around panels (16), tiles (4 to 12), pieces of rows (48) and columns (64, 1024).
    static let shapes = [(1, 1), (3, 15), (4, 16), (5, 17), (12, 31), (13, 48), (49, 65), (25, 130), (2, 1040)]

    /// Whole blocks, and where the type allows half a group at the end.
    private func k(_ type: lens_type, _ m: Int) -> Int {
        lens_type_block_elements(CInt(type.rawValue)) == 32 ? [96, 32, 576][m % 3] : m % 2 == 0 ? 256 : 768
    }

    @Test(arguments: types) func matchesTheRoundedNumbersInDoublePrecision(_ type: lens_type) throws {
        let context = try Context()
        for (m, n) in Self.shapes {
            let test = WeightsCase(type: type, m: m, n: n, k: k(type, m), seed: UInt64(m + n))
            let result = test.multiply(context, packed: m % 3 != 0, accumulate: n % 2 == 1)
            let expected = test.expected(accumulate: n % 2 == 1)
            // A sum over groups, two roundings each, and the scale.
            for i in result.indices {
                let rounding = Double(2 * test.k / 64 + 4) * unitRoundoff
                #expect(abs(Double(result[i]) - expected.values[i]) <= rounding * expected.magnitudes[i])
            }
        }
    }

    /// Scalar, with and without features, any number of threads, packed or not: the same bits.
    @Test(arguments: types) func theSameBitsEverywhere(_ type: lens_type) throws {
        let test = WeightsCase(type: type, m: 53, n: 1100, k: 256, headSize: 20, seed: 7)
        let first = test.multiply(try Context(.scalar, threads: 1), packed: true)
        for set in InstructionSet.supported {
            for features in [LENS_FEATURE_NONE, LENS_FEATURES_ALL] {
                for threads in [1, 3] {
                    let context = try Context(set, features: features, threads: threads)
                    for packed in [true, false] {
                        #expect(
                            test.multiply(context, packed: packed) == first, "\(set) \(features) \(threads) \(packed)")
                    }
                }
            }
        }
        // Losses go through the exponential of the instruction set.
        for set in InstructionSet.supported {
            let losses = test.losses(try Context(set, threads: 1), packed: true)
            #expect(test.losses(try Context(set, threads: 3), packed: false) == losses)
            #expect(test.losses(try Context(set, features: LENS_FEATURE_NONE), packed: true) == losses)
        }
    }

    /// A row does not depend on the others, nor on their number.
    @Test func aRowStandsAlone() throws {
        let context = try Context()
        let test = WeightsCase(type: LENS_TYPE_Q4_1, m: 40, n: 33, k: 96, seed: 3)
        let whole = test.multiply(context, packed: true)
        var one = test
        one.m = 1
        #expect(one.multiply(context, packed: true) == Array(whole[..<33]))
    }

    /// How far both roundings are from the product of the numbers themselves: with steps of s, each adds s²/12 of
    /// variance an element. Independent of how the kernels round.
    @Test(arguments: types) func staysNearTheExactProduct(_ type: lens_type) throws {
        let test = WeightsCase(type: type, m: 20, n: 40, k: 1536, seed: 5)
        let result = test.multiply(try Context(), packed: true)
        let a = test.elementsOfA().map(Double.init), w = test.dequantized().map(Double.init)
        var error = 0.0, square = 0.0
        for i in 0..<test.m {
            for j in 0..<test.n {
                let exact = (0..<test.k).reduce(0) { $0 + a[i * test.k + $1] * w[j * test.k + $1] }
                error += (Double(result[i * test.n + j]) - exact) * (Double(result[i * test.n + j]) - exact)
            }
        }
        for i in 0..<test.m {
            for j in 0..<test.n {
                square += (0..<test.k).reduce(0) {
                    let product = a[i * test.k + $1] * w[j * test.k + $1]
                    return $0 + product * product
                }
            }
        }
        // Steps of 1/127 of the largest of some thousand normal numbers on both sides, about 4 deviations.
        #expect((error / square).squareRoot() < 0.02)
    }

    /// Several products of one input are those of each alone.
    @Test func productsShareAnInput() throws {
        let context = try Context()
        let one = WeightsCase(type: LENS_TYPE_Q4_0, m: 30, n: 33, k: 96, seed: 3)
        let other = WeightsCase(type: LENS_TYPE_Q8_0, m: 30, n: 70, k: 96, seed: 3)
        for packed in [true, false] {
            #expect(
                one.multiply(context, with: other, packed: packed)
                    == [one.multiply(context, packed: packed), other.multiply(context, packed: !packed)])
        }
    }

    @Test(arguments: [LENS_TYPE_Q8_0, LENS_TYPE_Q4_K]) func lossesAreThoseOfTheLogits(_ type: lens_type) throws {
        let context = try Context()
        for (m, n) in [(1, 1), (5, 17), (48, 1024), (50, 1025), (97, 2100)] {
            let test = WeightsCase(type: type, m: m, n: n, k: 256, seed: UInt64(n))
            let logits = test.multiply(context, packed: true), losses = test.losses(context, packed: n % 2 == 0)
            for row in 0..<m {
                let line = logits[row * n..<(row + 1) * n].map(Double.init)
                let largest = line.max() ?? 0
                let sum = line.reduce(0) { $0 + exponential($1 - largest) }
                let expected = logarithm(sum) + largest - line[Int(test.targets[row])]
                #expect(abs(Double(losses[row]) - expected) <= 2e-6 * max(1, abs(expected)))
            }
        }
    }

    @Test func whatIsNotFiniteStaysSo() throws {
        for value in [Float.nan, .infinity, -.infinity] {
            for set in InstructionSet.supported {
                var test = WeightsCase(type: LENS_TYPE_Q8_0, m: 3, n: 5, k: 64, seed: 2)
                var a = test.elementsOfA()
                a[64 + 40] = value
                test.a = a
                let result = test.multiply(try Context(set), packed: true)
                #expect(result[..<5].allSatisfy(\.isFinite) && result[10...].allSatisfy(\.isFinite))
                #expect(result[5..<10].allSatisfy { !$0.isFinite })
            }
        }
        // Too small to have a scale: zeros.
        var test = WeightsCase(type: LENS_TYPE_Q8_0, m: 1, n: 5, k: 64, seed: 2)
        test.a = [Float](repeating: 0x1p-120, count: 64)
        for set in InstructionSet.supported {
            #expect(test.multiply(try Context(set), packed: true) == [0, 0, 0, 0, 0])
        }
    }

    @Test func refusesWhatItCannotCompute() throws {
        let context = try Context()
        for (type, k) in [(LENS_TYPE_F32, 64), (LENS_TYPE_BF16, 64), (LENS_TYPE_Q8_0, 40), (LENS_TYPE_Q4_K, 96)] {
            var nothing: [Float] = [0]
            let target: [Int32] = [0]
            var weights = unsafe lens_weights(type: type, N: 1, K: k, blocks: nil, head_size: 0, packed: nil)
            unsafe context.with { context in
                unsafe withUnsafePointer(to: weights) { weights in
                    var product = unsafe lens_weights_product(W: weights, C: &nothing, ldc: 1)
                    #expect(unsafe lens_gemm_weights(context, 1, k, false, nothing, k, 1, &product) == LENS_INVALID)
                }
                #expect(unsafe lens_head_losses(context, 1, nothing, k, &weights, target, &nothing) == LENS_INVALID)
                #expect(unsafe lens_pack_weights(context, &weights, &nothing) == LENS_INVALID)
            }
        }
    }
}
