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
    /// Those whose integers are kept as they are.
    static let exact: [lens_type] = [
        LENS_TYPE_Q4_0, LENS_TYPE_Q5_0, LENS_TYPE_Q8_0, LENS_TYPE_IQ4_NL, LENS_TYPE_IQ4_XS, LENS_TYPE_MXFP4,
        LENS_TYPE_Q4_1, LENS_TYPE_Q5_1, LENS_TYPE_Q4_K, LENS_TYPE_Q5_K,
    ]

    /// Around panels (16), tiles (4 to 12), pieces of rows (48) and columns (64, 1024).
    static let shapes = [(1, 1), (3, 15), (4, 16), (5, 17), (12, 31), (13, 48), (49, 65), (25, 130), (2, 1040)]

    @Test(arguments: types) func matchesTheRoundedNumbersInDoublePrecision(_ type: lens_type) throws {
        let context = try Context()
        for (m, n) in Self.shapes {
            let test = WeightsCase(type: type, m: m, n: n, k: m % 2 == 0 ? 256 : 768, seed: UInt64(m + n))
            let result = test.multiply(context, packed: m % 3 != 0, accumulate: n % 2 == 1)
            let expected = test.expected(accumulate: n % 2 == 1)
            // A sum of K / 32 groups, three roundings each; types that are rounded to 8 bits once more err by 1/254 of a group.
            let requantized = !Self.exact.contains(type)
            for i in result.indices {
                let rounding = Double(3 * test.k / 32 + 3) * unitRoundoff + (requantized ? 1.0 / 254 : 0)
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

    /// 127 in one place is the integer 127 at the scale 1: the product is 127 times the weight as it is stored.
    @Test(arguments: exact) func keepsStoredIntegers(_ type: lens_type) throws {
        var test = WeightsCase(type: type, m: 1, n: 21, k: 256, seed: 11)
        let weights = test.dequantized()
        let largest = Double(weights.map(abs).max() ?? 0)
        for column in [0, 31, 32, 77, 255] {
            var a = [Float](repeating: 0, count: test.k)
            a[column] = 127
            test.a = a
            let result = test.multiply(try Context(), packed: true)
            for row in 0..<test.n {
                let expected = 127 * Double(weights[row * test.k + column])
                #expect(abs(Double(result[row]) - expected) <= 127 * largest * 1e-6)
                if lens_type_block_elements(CInt(type.rawValue)) == 32,
                    ![LENS_TYPE_Q4_1, LENS_TYPE_Q5_1].contains(type)
                {
                    #expect(Double(result[row]) == Double(Float(expected)))
                }
            }
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
        for (type, k) in [(LENS_TYPE_F32, 64), (LENS_TYPE_BF16, 64), (LENS_TYPE_Q8_0, 40)] {
            var nothing: [Float] = [0]
            let target: [Int32] = [0]
            var weights = unsafe lens_weights(type: type, N: 1, K: k, blocks: nil, head_size: 0, packed: nil)
            unsafe context.with { context in
                #expect(unsafe lens_gemm_weights(context, 1, false, nothing, k, &weights, &nothing, 1) == LENS_INVALID)
                #expect(unsafe lens_head_losses(context, 1, nothing, k, &weights, target, &nothing) == LENS_INVALID)
                #expect(unsafe lens_pack_weights(context, &weights, &nothing) == LENS_INVALID)
            }
        }
    }
}
