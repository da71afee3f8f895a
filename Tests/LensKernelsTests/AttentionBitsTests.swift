import CLongLens
import LensTestSupport
import Testing

extension KernelTests {
    /// What attention's bits do and do not depend on.
    @Suite struct AttentionBitsTests {
        @Test(arguments: [(700, 1, 3, 16), (333, 3, 1, 20), (97, 2, 2, 64), (5, 1, 1, 3)])
        func sameForAnyNumberOfThreads(_ t: Int, _ keyValueHeads: Int, _ group: Int, _ size: Int) {
            let test = AttentionCase(tokens: t, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2)
            for isa in attentionInstructionSets {
                let alone = withAttentionKernels(isa, threads: 1) { test.run() }
                for threads in [2, 3, 7] {
                    // Twice, since threads do not always meet in the same order.
                    for _ in 0..<2 {
                        #expect(withAttentionKernels(isa, threads: threads) { test.run() } == alone)
                    }
                }
            }
        }

        @Test func steadyWorkAllocatesNothing() {
            let test = AttentionCase(tokens: 700, keyValueHeads: 2, group: 2, size: 64)
            for isa in attentionInstructionSets where isa != LENS_ISA_SCALAR {
                withAttentionKernels(isa, threads: 3) {
                    let first = test.run(), allocations = lens_allocation_count()
                    for _ in 0..<5 { #expect(test.run() == first) }
                    #expect(lens_allocation_count() == allocations)
                }
            }
        }

        /// A row's output does not depend on later tokens, not even on how many there are.
        @Test func laterTokensDoNotChangeEarlierOutputs() {
            let test = AttentionCase(tokens: 500, keyValueHeads: 2, group: 2, size: 20, magnitude: 2)
            var other = test
            let changed = 250
            for i in (changed * 80)..<test.q.count { other.q[i] = -3 }
            for i in (changed * 40)..<test.k.count { (other.k[i], other.v[i]) = (5, 1e6) }
            for isa in attentionInstructionSets {
                withAttentionKernels(isa) {
                    let whole = test.run(), touched = other.run()
                    #expect(whole.out[..<(changed * 80)] == touched.out[..<(changed * 80)])
                    #expect(whole.out != touched.out)
                    for tokens in [1, 23, 24, 25, 47, 48, 49, 95, 97, 250, 400] {
                        let short = test.first(tokens).run()
                        #expect(short.out == Array(whole.out[..<(tokens * 80)]))
                        for head in 0..<4 {
                            let row = whole.lse[(head * 500)..<(head * 500 + tokens)]
                            #expect(Array(short.lse[(head * tokens)..<((head + 1) * tokens)]) == Array(row))
                        }
                    }
                }
            }
        }

        /// A token whose output has no gradient gives none, and later keys get none from earlier queries.
        @Test func gradientsRespectTheMask() {
            var test = AttentionCase(tokens: 200, keyValueHeads: 1, group: 3, size: 16)
            let last = 120  // the last token with a gradient
            for i in ((last + 1) * 48)..<test.dout.count { test.dout[i] = 0 }
            for isa in attentionInstructionSets {
                let result = withAttentionKernels(isa) { test.run() }
                #expect(result.dq[((last + 1) * 48)...].allSatisfy { $0 == 0 })
                #expect(result.dk[((last + 1) * 16)...].allSatisfy { $0 == 0 })
                #expect(result.dv[((last + 1) * 16)...].allSatisfy { $0 == 0 })
                #expect(result.dv[..<((last + 1) * 16)].allSatisfy { $0 != 0 })
            }
        }
    }
}
