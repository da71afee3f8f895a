import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// Products with weights of 16 bits.
@Suite struct BF16Tests {
    static let types = [LENS_TYPE_F16, LENS_TYPE_BF16]
    /// Around pairs, stretches of packing (128), tiles (4 to 8 rows, 16 or 48 columns) and parts of K (1152).
    static let shapes = [
        (1, 1, 1), (1, 17, 2), (3, 15, 3), (4, 16, 127), (5, 33, 128), (8, 48, 129), (9, 49, 257), (6, 95, 64),
        (13, 97, 31), (33, 130, 1153), (70, 20, 1152), (40, 50, 2305), (2, 1040, 70), (300, 40, 24),
    ]

    @Test(arguments: types) func matchesTheRoundedNumbersInDoublePrecision(_ type: lens_type) throws {
        for (context, name) in try contextsOfFeatures() {
            for (m, n, k) in Self.shapes {
                let test = BF16Case(type, m: m, n: n, k: k, headSize: n % 4 == 0 ? 4 : 0, seed: UInt64(m + n + k))
                let accumulate = m % 2 == 1
                let result = test.multiply(context, packed: n % 2 == 1, accumulate: accumulate)
                let expected = test.expected(context, accumulate: accumulate)
                let rounding = Double(k + 3) * unitRoundoff
                let wrong = result.indices.first {
                    !(abs(Double(result[$0]) - expected.values[$0]) <= rounding * expected.magnitudes[$0])
                }
                #expect(wrong == nil, "\(name) \(m) \(n) \(k)")
            }
        }
    }

    /// Packed or not, any number of threads: the same bits. The packed form is every context's.
    @Test(arguments: types) func theSameBits(_ type: lens_type) throws {
        for test in [
            BF16Case(type, m: 53, n: 200, k: 333, headSize: 20), BF16Case(type, m: 130, n: 70, k: 2500),
            BF16Case(type, m: 1, n: 1000, k: 64),
        ] {
            let packed = test.packed(try Context(.scalar))
            for set in InstructionSet.supported {
                for features in [LENS_FEATURE_NONE, LENS_FEATURES_ALL] {
                    let first = test.multiply(try Context(set, features: features, threads: 1), packed: true)
                    for threads in [1, 2, 5] {
                        let context = try Context(set, features: features, threads: threads)
                        #expect(test.packed(context) == packed, "\(set)")
                        for isPacked in [false, true] {
                            let same = test.multiply(context, packed: isPacked) == first
                            #expect(same, "\(set) \(features) \(threads) \(isPacked)")
                        }
                    }
                }
            }
        }
    }

    /// An element does not depend on other rows and columns, nor on their number.
    @Test func anElementStandsAlone() throws {
        for (context, name) in try contextsOfFeatures() {
            var test = BF16Case(LENS_TYPE_BF16, m: 70, n: 150, k: 1300)
            let whole = test.multiply(context, packed: true)
            let a = test.elementsOfA(), weights = randomFloats(test.n * test.k, seed: test.seed &+ 1)
            for (row, column) in [(0, 0), (69, 149), (31, 47), (8, 16)] {
                test.m = 1
                test.n = 1
                test.a = Array(a[row * test.k..<(row + 1) * test.k])
                test.weights = Array(weights[column * test.k..<(column + 1) * test.k])
                #expect(test.multiply(context, packed: false) == [whole[row * 150 + column]], "\(name)")
            }
        }
    }

    /// Small integers are exact everywhere, and so are their sums.
    @Test func integersAreExact() throws {
        var test = BF16Case(LENS_TYPE_F16, m: 9, n: 50, k: 77)
        test.a = (0..<test.m * test.k).map { Float($0 * 31 % 17 - 8) }
        test.weights = (0..<test.n * test.k).map { Float($0 * 29 % 13 - 6) }
        for (context, name) in try contextsOfFeatures() {
            let exact = test.expected(context, accumulate: true).values
            #expect(test.multiply(context, packed: true, accumulate: true).map(Double.init) == exact, "\(name)")
        }
    }

    /// fp16 lies between bf16: to the nearest, ties to even; subnormal numbers too.
    @Test func halvesAreRounded() throws {
        let values: [Float] = [
            1, 1 + 0x1p-7, 1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 5 * 0x1p-9, -1 - 3 * 0x1p-9, 65504, 0x1p-24, 3 * 0x1p-24,
            -0x1p-14,
            0x1.ffcp-15,
        ]
        for (context, name) in try contextsOfFeatures() {
            var test = BF16Case(LENS_TYPE_F16, m: 1, n: values.count, k: 1)
            test.a = [1]
            test.weights = values
            #expect(test.multiply(context, packed: false) == toBF16(values), "\(name)")
        }
        // What is multiplied with them is rounded too, where products are of bf16.
        var test = BF16Case(LENS_TYPE_BF16, m: values.count, n: 1, k: 1)
        test.a = values
        test.weights = [1]
        let rounds = try Context().set == .avx512 && ProcessorFeature.supported(with: .avx512).contains(.bf16)
        #expect(test.multiply(try Context(), packed: true) == (rounds ? toBF16(values) : values))
        #expect(test.multiply(try Context(features: LENS_FEATURE_NONE), packed: true) == values)
    }

    @Test func whatIsNotFiniteStaysSo() throws {
        for value in [Float.nan, .infinity, -.infinity, Float(bitPattern: 0x7F80_0001)] {
            for (context, name) in try contextsOfFeatures() {
                var test = BF16Case(LENS_TYPE_BF16, m: 3, n: 5, k: 64)
                var a = test.elementsOfA()
                a[64 + 40] = value
                test.a = a
                let result = test.multiply(context, packed: true)
                #expect(result[..<5].allSatisfy(\.isFinite) && result[10...].allSatisfy(\.isFinite), "\(name)")
                #expect(result[5..<10].allSatisfy { !$0.isFinite }, "\(name)")
            }
        }
    }

    /// Around tiles, blocks of 48 rows, groups of 1056 and parts of 192 columns.
    @Test(arguments: types) func lossesAreThoseOfTheLogits(_ type: lens_type) throws {
        for (context, name) in try contextsOfFeatures() {
            for (m, n, k) in [(1, 1, 1), (5, 17, 33), (48, 192, 70), (97, 577, 1300), (1060, 200, 2)] {
                let test = BF16Case(type, m: m, n: n, k: k)
                let logits = test.multiply(context, packed: true), losses = test.losses(context, packed: true)
                let what: Comment = "\(name) \(m) \(n) \(k)"
                #expect(test.losses(context, packed: false) == losses, what)
                for row in 0..<m {
                    let line = logits[row * n..<(row + 1) * n].map(Double.init)
                    let largest = line.max() ?? 0
                    let sum = line.reduce(0) { $0 + exponential($1 - largest) }
                    let expected = logarithm(sum) + largest - line[Int(test.targets[row])]
                    #expect(abs(Double(losses[row]) - expected) <= 44 * unitRoundoff * max(1, abs(expected)), what)
                }
            }
        }
        let test = BF16Case(type, m: 200, n: 700, k: 40)
        let alone = test.losses(try Context(threads: 1), packed: true)
        #expect(test.losses(try Context(threads: 3), packed: false) == alone)
    }

    @Test func scratchOfAHeadIsWhatWasSaid() throws {
        for (context, name) in try contextsOfFeatures(threads: 3) {
            for (m, n, k) in [(1, 1, 1), (40, 200, 333), (1300, 70, 50)] {
                for packed in [true, false] {
                    let need = unsafe context.with { unsafe lens_head_losses_bf16_scratch($0, m, n, k, packed) }
                    unsafe context.run { unsafe lens_scratch_reserve($0, need) }
                    let test = BF16Case(LENS_TYPE_BF16, m: m, n: n, k: k), growths = context.counters.scratch_growths
                    _ = test.losses(context, packed: packed)
                    var fewer = test
                    fewer.m = m * 5 / 6
                    if fewer.m > 0 { _ = fewer.losses(context, packed: packed) }
                    #expect(context.counters.scratch_growths == growths, "\(name) \(m) \(packed)")
                }
            }
        }
    }

    @Test func scratchIsWhatWasSaid() throws {
        for (context, name) in try contextsOfFeatures(threads: 3) {
            for (m, n, k) in [(1, 1, 1), (40, 200, 333), (600, 70, 2500)] {
                for packed in [true, false] {
                    let need = unsafe context.with { unsafe lens_gemm_bf16_scratch($0, m, k, packed) }
                    unsafe context.run { unsafe lens_scratch_reserve($0, need) }
                    let growths = context.counters.scratch_growths
                    _ = BF16Case(LENS_TYPE_F16, m: m, n: n, k: k).multiply(context, packed: packed)
                    #expect(context.counters.scratch_growths == growths, "\(name) \(m) \(packed)")
                }
            }
        }
    }

    /// Several maps of one input, packed or not, of both types: the bits of each alone.
    @Test func productsOfOneInput() throws {
        for (context, name) in try contextsOfFeatures() {
            let cases = [(LENS_TYPE_F16, 200), (LENS_TYPE_BF16, 33), (LENS_TYPE_BF16, 0), (LENS_TYPE_F16, 70)].map {
                BF16Case($0, m: 77, n: $1, k: 130)
            }
            let alone = cases.map { $0.multiply(context, packed: true) }
            let a = GuardedBuffer(cases[0].elementsOfA())
            let outputs = cases.map { GuardedBuffer([Float](repeating: 0, count: $0.m * $0.n)) }
            func multiply(_ products: [lens_weights_product]) {
                guard unsafe products.count < cases.count else {
                    return unsafe withPointers(a) { a in
                        unsafe context.run { unsafe lens_gemm_bf16($0, 77, 130, false, a, 130, cases.count, products) }
                    }
                }
                let index = unsafe products.count
                unsafe cases[index].with(context, packed: index % 2 == 0) { weights in
                    unsafe withPointers(outputs[index]) { c in
                        unsafe multiply(products + [lens_weights_product(W: weights, C: c, ldc: cases[index].n)])
                    }
                }
            }
            unsafe multiply([])
            #expect(outputs.map(\.array) == alone, "\(name)")
        }
    }

    @Test func emptyProducts() throws {
        let context = try Context()
        #expect(BF16Case(LENS_TYPE_F16, m: 2, n: 3, k: 0).multiply(context, packed: true) == [0, 0, 0, 0, 0, 0])
        #expect(BF16Case(LENS_TYPE_F16, m: 1, n: 2, k: 0).multiply(context, packed: false, accumulate: true) == [1, 1])
        #expect(BF16Case(LENS_TYPE_BF16, m: 0, n: 3, k: 5).multiply(context, packed: true).isEmpty)
        #expect(BF16Case(LENS_TYPE_BF16, m: 3, n: 0, k: 5).multiply(context, packed: true).isEmpty)
    }

    @Test func refusesOtherTypes() throws {
        let context = try Context()
        for type in [LENS_TYPE_F32, LENS_TYPE_Q8_0] {
            var nothing: [Float] = [0]
            var weights = unsafe lens_weights(type: type, N: 1, K: 32, blocks: nil, head_size: 0, packed: nil)
            unsafe context.with { context in
                #expect(unsafe lens_pack_bf16(context, &weights, &nothing) == LENS_INVALID)
                let status = unsafe withUnsafePointer(to: &weights) { weights in
                    var product = unsafe lens_weights_product(W: weights, C: nil, ldc: 1)
                    return unsafe lens_gemm_bf16(context, 1, 32, false, nothing, 32, 1, &product)
                }
                #expect(status == LENS_INVALID)
                #expect(
                    unsafe lens_head_losses_bf16(context, 1, nothing, 32, &weights, [0], &nothing) == LENS_INVALID)
            }
        }
    }
}
