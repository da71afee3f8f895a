import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// What attention's bits do and do not depend on.
@Suite struct AttentionBitsTests {
    @Test(arguments: [(700, 1, 3, 16), (333, 3, 1, 20), (97, 2, 2, 64), (5, 1, 1, 3)])
    func sameForAnyNumberOfThreads(_ t: Int, _ keyValueHeads: Int, _ group: Int, _ size: Int) throws {
        let test = AttentionCase(tokens: t, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2)
        for set in InstructionSet.supported {
            let alone = test.run(try Context(set, threads: 1))
            for threads in [2, 3, 7] {
                let context = try Context(set, threads: threads)
                // Twice, since threads do not always meet in the same order.
                for _ in 0..<2 { #expect(test.run(context) == alone) }
            }
        }
    }

    @Test(arguments: [1, 30, 200, 699])
    func windowsAreTheSameForAnyNumberOfThreads(_ window: Int) throws {
        var test = AttentionCase(tokens: 700, keyValueHeads: 2, group: 2, size: 16, magnitude: 2)
        test.window = window
        for set in InstructionSet.supported {
            let alone = test.run(try Context(set, threads: 1))
            for _ in 0..<3 { #expect(test.run(try Context(set, threads: 3)) == alone) }
        }
    }

    @Test func aWindowOfAllTokensIsNone() throws {
        var test = AttentionCase(tokens: 500, keyValueHeads: 2, group: 3, size: 20, magnitude: 2)
        for context in try contexts(threads: 2) {
            test.window = 0
            let expected = test.run(context)
            for window in [500, 501, 100_000, Int.max] {
                test.window = window
                #expect(test.run(context) == expected)
            }
        }
    }

    @Test func steadyWorkAllocatesNothing() throws {
        let test = AttentionCase(tokens: 700, keyValueHeads: 2, group: 2, size: 64)
        for context in try contexts(threads: 3) {
            let first = test.run(context), allocations = lens_allocation_count()
            #expect(context.counters.scratch_growths > 0 && context.counters.regions > 0)
            for _ in 0..<5 { #expect(test.run(context) == first) }
            #expect(lens_allocation_count() == allocations)
        }
    }

    /// A row's output does not depend on later tokens, not even on how many there are.
    @Test func laterTokensDoNotChangeEarlierOutputs() throws {
        let test = AttentionCase(tokens: 500, keyValueHeads: 2, group: 2, size: 20, magnitude: 2)
        var other = test
        let changed = 250
        for i in (changed * 80)..<test.q.count { other.q[i] = -3 }
        for i in (changed * 40)..<test.k.count { (other.k[i], other.v[i]) = (5, 1e6) }
        for context in try contexts() {
            let whole = test.run(context), touched = other.run(context)
            #expect(whole.out[..<(changed * 80)] == touched.out[..<(changed * 80)])
            #expect(whole.out != touched.out)
            for tokens in [1, 23, 24, 25, 47, 48, 49, 95, 97, 250, 400] {
                let short = test.first(tokens).run(context)
                #expect(short.out == Array(whole.out[..<(tokens * 80)]))
                for head in 0..<4 {
                    let row = whole.lse[(head * 500)..<(head * 500 + tokens)]
                    #expect(Array(short.lse[(head * tokens)..<((head + 1) * tokens)]) == Array(row))
                }
            }
        }
    }

    /// Sequences side by side: each has the bits that it has alone, and sees nothing of the others, be it NaN.
    @Test(arguments: [LENS_ARITHMETIC_F32, LENS_ARITHMETIC_BF16])
    func sequencesSideBySideAreAsAlone(_ arithmetic: lens_arithmetic) throws {
        let lengths = [1, 64, 0, 97, 2, 48, 500, 0, 3, 200, 1]
        let bounds = lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
        let tokens = bounds[lengths.count]
        for (keyValueHeads, group, size) in [(2, 3, 20), (1, 9, 64), (3, 1, 16)] {
            var test = AttentionCase(
                tokens: tokens, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2)
            (test.arithmetic, test.bounds, test.window) = (arithmetic, bounds, group == 9 ? 70 : 0)
            let kv = keyValueHeads * size, damaged = bounds[3]..<bounds[4]
            for i in damaged.lowerBound * kv..<damaged.upperBound * kv { (test.k[i], test.v[i]) = (.nan, .infinity) }
            for context in try contexts(threads: 3) {
                let result = test.run(context)
                for (start, end) in zip(bounds, bounds.dropFirst()) where start < end && start != damaged.lowerBound {
                    let alone = test.sequence(start..<end).run(context)
                    #expect(result.sequence(start..<end, of: tokens) == alone, "\(start)..<\(end) of \(test)")
                }
            }
        }
    }

    @Test func spansOfOtherRowsAreRefused() throws {
        let context = try Context(.scalar, threads: 1)
        let shape = lens_attention_shape(T: 3, NH: 1, NKV: 1, HS: 1, scale: 1, window: 0)
        let x: [Float] = [1, 2, 3], angle: [Float] = []
        var out = x, lse = x, rotated = x, gradients = (x, x, x)
        for bounds in [[0, 2], [1, 3], [0, 2, 1, 3], [0, 4]] {
            let status = unsafe bounds.withUnsafeBufferPointer {
                let spans = unsafe lens_spans(count: bounds.count - 1, bounds: $0.baseAddress)
                return unsafe context.with {
                    unsafe [
                        lens_attention_forward($0, shape, spans, LENS_ARITHMETIC_F32, x, x, x, &out, &lse),
                        lens_attention_backward(
                            $0, shape, spans, lens_attention_queries(count: 3, positions: nil), x, x, x, x, x, x, &lse,
                            &gradients.0, &gradients.1, &gradients.2),
                        lens_rope_forward($0, 3, spans, 1, 1, 0, angle, angle, &rotated),
                    ]
                }
            }
            #expect(status == [LENS_INVALID, LENS_INVALID, LENS_INVALID])
        }
        #expect(out == x && lse == x && rotated == x && gradients == (x, x, x))
    }

    /// A token whose output has no gradient gives none, and later keys get none from earlier queries.
    @Test func gradientsRespectTheMask() throws {
        var test = AttentionCase(tokens: 200, keyValueHeads: 1, group: 3, size: 16)
        let last = 120  // the last token with a gradient
        for i in ((last + 1) * 48)..<test.dout.count { test.dout[i] = 0 }
        for context in try contexts() {
            let result = test.run(context)
            #expect(result.dq[((last + 1) * 48)...].allSatisfy { $0 == 0 })
            #expect(result.dk[((last + 1) * 16)...].allSatisfy { $0 == 0 })
            #expect(result.dv[((last + 1) * 16)...].allSatisfy { $0 == 0 })
            #expect(result.dv[..<((last + 1) * 16)].allSatisfy { $0 != 0 })
        }
    }
}
