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
