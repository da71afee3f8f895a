import LensData
import LensScoring
import LensSupport
import Testing

@Suite struct Windows {
    @Test(arguments: [
        // 32768 tokens under 8192: the paper's stride, five windows.
        (8192, 32768, 6144), (512, 1024, 256), (512, 2048, 384), (256, 1024, 192),
        // Not a whole number: three quarters.
        (512, 10_000, 384), (512, 513, 384), (100, 300, 75), (10, 33, 6), (2, 5, 1), (3, 7, 1),
        // No windows needed.
        (512, 512, 384), (512, 100, 384),
    ]) func defaultStride(context: Int, length: Int, expected: Int) throws {
        #expect(WindowPlan.defaultStride(context: context, length: length) == expected)
        #expect(try WindowPlan(length: length, context: context).stride == expected)
        #expect(try WindowPlan(length: 5, context: context, chunk: length).stride == expected)
    }

    @Test func paperWindows() throws {
        let plan = try WindowPlan(length: 32768, context: 8192)
        #expect(plan.count == 5)
        #expect(plan[0].tokens == 0..<8192 && plan[0].scored == 1..<8192)
        #expect(plan[1].tokens == 6144..<14336 && plan[1].scored == 8192..<14336)
        #expect(plan[4].tokens == 24576..<32768 && plan[4].scored == 26624..<32768)
    }

    @Test func remainderIsScoredByALastWindow() throws {
        let plan = try WindowPlan(length: 21, context: 8, stride: 6)
        #expect((0..<plan.count).map { plan[$0].tokens } == [0..<8, 6..<14, 12..<20, 13..<21])
        #expect((0..<plan.count).map { plan[$0].scored } == [1..<8, 8..<14, 14..<20, 20..<21])
    }

    /// Each token but the first once, from a window of at most C tokens in which it has at least C − S to its left.
    @Test func everyTokenOnceUnderItsContext() throws {
        for context in 2...9 {
            for stride in 1..<context {
                for length in 1...40 {
                    let plan = try WindowPlan(length: length, context: context, stride: stride)
                    var scored: [Int] = []
                    for k in 0..<plan.count {
                        let window = plan[k]
                        #expect(window.tokens.count == min(context, length) && window.tokens.upperBound <= length)
                        #expect(window.scored.upperBound == window.tokens.upperBound)
                        if k > 0 {
                            #expect(window.tokens.lowerBound == k * stride || k == plan.count - 1)
                            #expect(window.scored.lowerBound - window.tokens.lowerBound >= context - stride)
                            #expect(window.scored.count <= stride && !window.scored.isEmpty)
                        }
                        scored += window.scored
                    }
                    #expect(scored == Array(1..<max(1, length)))
                }
            }
        }
    }

    @Test func lossesTellWindows() throws {
        for (context, stride, length) in [
            (8, 6, 21), (8, 6, 20), (8, 6, 8), (8, 6, 3), (2, 1, 9), (8, 6, 1), (9, 4, 40),
        ] {
            let plan = try WindowPlan(length: length, context: context, stride: stride)
            var ends = [0: 0]
            for k in 0..<plan.count where !plan[k].scored.isEmpty { ends[plan[k].scored.upperBound - 1] = k + 1 }
            for count in 0...length + 3 {
                #expect(plan.windowCount(ofLosses: count) == ends[count], "\(plan) \(count)")
            }
        }
    }

    @Test(arguments: [(1, 1), (0, nil), (8, 8), (8, 9), (8, 0), (8, -1)] as [(Int, Int?)])
    func impossiblePlansAreExplained(context: Int, stride: Int?) {
        let error = #expect(throws: LensError.self) { try WindowPlan(length: 100, context: context, stride: stride) }
        #expect(error?.kind == .usage)
    }
}

@Suite struct WindowedLosses {
    let tokens: [Int32] = [7] + (1...30)

    /// What the scorer must have seen, from the contract: window k starts at k·S, begins with BOS, gives its last S.
    func expected(context C: Int, stride S: Int, bos: Bool) -> [Float] {
        (1..<tokens.count).map { t in
            var start = t < C ? 0 : ((t - C) / S + 1) * S
            start = min(start, max(0, tokens.count - C))
            return TellingScorer.loss(tokens[t], context: t - start, first: bos ? 7 : tokens[start])
        }
    }

    @Test(arguments: [(8, 6), (8, 1), (8, 7), (31, 20), (64, 48), (2, 1), (9, 4)], [true, false])
    func followTheContract(window: (Int, Int), bos: Bool) throws {
        let plan = try WindowPlan(length: tokens.count, context: window.0, stride: window.1)
        var windows = 0
        let losses = try windowedLosses(tokens, plan: plan, bosToken: bos ? 7 : 9, losses: TellingScorer.losses) { _ in
            windows += 1
        }
        for batch in [2, 15, 24, 1000] {
            let together = try windowedLosses(
                tokens, plan: plan, bosToken: bos ? 7 : 9, batch: batch, losses: TellingScorer.losses)
            #expect(together == losses, "\(batch)")
        }
        #expect(losses == expected(context: window.0, stride: window.1, bos: bos))
        #expect(windows == plan.count)
        let same = try windowedLosses(tokens, plan: plan, bosToken: bos ? 7 : nil, losses: TellingScorer.losses)
        #expect(same == losses)
    }

    @Test func selfScoringKeepsTheLongLossesOfTheFirstWindow() throws {
        let plan = try WindowPlan(length: tokens.count, context: 8, stride: 6)
        let long = (1..<tokens.count).map { Float(-$0) }
        var windows = 0
        let short = try windowedLosses(
            tokens, plan: plan, bosToken: 7, known: Array(long[..<7]), losses: TellingScorer.losses
        ) { _ in windows += 1 }
        // Tokens 1 … C − 1 are predictions 0 … C − 2.
        #expect(short[..<7] == long[..<7])
        #expect(short[7...] == expected(context: 8, stride: 6, bos: true)[7...])
        #expect(windows == plan.count - 1)

        let whole = try WindowPlan(length: tokens.count, context: 64)
        let kept = try windowedLosses(
            tokens, plan: whole, bosToken: 7, known: long, losses: TellingScorer.losses)
        #expect(kept == long)
    }

    @Test func knownLossesAreNotComputedAgain() throws {
        let plan = try WindowPlan(length: tokens.count, context: 8, stride: 6)
        let all = expected(context: 8, stride: 6, bos: true)
        for count in 0...plan.count {
            let known = count == 0 ? [] : Array(all[..<(plan[count - 1].scored.upperBound - 1)])
            var computed: [Float] = []
            let losses = try windowedLosses(
                tokens, plan: plan, bosToken: 7, known: known, losses: TellingScorer.losses
            ) { computed += $0 }
            #expect(losses == all)
            #expect(known + computed == all)
        }
    }

    @Test func oneTokenHasNoLoss() throws {
        let plan = try WindowPlan(length: 1, context: 8)
        #expect(try windowedLosses([7], plan: plan, bosToken: 7, losses: TellingScorer.losses).isEmpty)
    }

    @Test func brokenModelsAreToldByToken() throws {
        func broken(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
            tokens.dropFirst(first + 1).map { $0 == 17 ? .nan : 1 }
        }
        let plan = try WindowPlan(length: tokens.count, context: 8)
        let error = #expect(throws: LensError.self) {
            try windowedLosses(tokens, plan: plan, bosToken: nil, losses: broken)
        }
        #expect(error?.kind == .data && error?.message.contains("token 17 ") == true)
    }
}
