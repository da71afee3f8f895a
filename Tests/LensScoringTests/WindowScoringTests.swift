import LensData
import LensFormats
import LensModels
import LensScoring
import LensSupport
import Testing

/// Windows of several sequences computed together.
@Suite struct WindowScoringTests {
    private static let context = 8, stride = 6
    private static let sequences: [TokenSequence] =
        [3, 1, 8, 30, 1, 1, 9, 2, 70, 5, 8, 14, 1].enumerated().map { index, length in
            TokenSequence(
                document: "d\(index / 2)", index: index % 2,
                tokens: (0..<length).map { Int32(7 + index * 100 + $0) })
        }

    private func plan(_ sequence: TokenSequence) throws(LensError) -> WindowPlan {
        try WindowPlan(length: sequence.tokens.count, context: Self.context, stride: Self.stride)
    }

    @Test(arguments: [1, 7, 8, 16, 23, 64, 1000])
    func endInTheirOrderWithTheLossesOfEachAlone(batch: Int) throws {
        var ended: [TokenSequence] = [], windows: [[Float]] = []
        var last = (tokens: 0.0, bytes: 0.0, sequences: 0.0)
        let scoring = WindowScoring(batch: batch, bosToken: 7, each: TellingScorer.losses) { windows, part in
            let tokens = windows.map { max(1, $0.tokens.count) }
            let isWithin = tokens.reduce(0, +) <= batch || windows.count == 1
            #expect(isWithin)
            // Of a sequence of one token no window is computed.
            let longest = windows.map(\.tokens.count).max() ?? 0
            #expect(part.longest == max(1, longest))
            // Parts follow each other without a gap, but for sequences of which nothing is computed.
            #expect(part.tokens.lowerBound >= last.tokens - 1e-9 && part.bytes.lowerBound >= last.bytes - 1e-9)
            #expect(part.sequences.lowerBound >= last.sequences - 1e-9)
            last = (part.tokens.upperBound, part.bytes.upperBound, part.sequences.upperBound)
        }
        scoring.afterWindow = { (_, losses) throws(LensError) in windows.append(losses) }
        scoring.afterSequence = { [self] (sequence, plan, losses) throws(LensError) in
            let own = try self.plan(sequence)
            #expect(plan == own)
            let alone = try windowedLosses(sequence.tokens, plan: plan, bosToken: 7, losses: TellingScorer.losses)
            #expect(losses == alone)
            let joined = Array(windows.joined())
            #expect(joined == losses, "windows come one after the other")
            windows = []
            ended.append(sequence)
        }
        var bytes = 0.0
        for sequence in Self.sequences {
            let end = bytes + 3 * Double(sequence.tokens.count)
            try scoring.add(sequence, plan: plan(sequence), bytes: bytes..<end)
            bytes = end
        }
        try scoring.finish()
        #expect(ended == Self.sequences)
        let all = Double(Self.sequences.reduce(0) { $0 + $1.tokens.count })
        #expect(abs(last.bytes - bytes) < 1e-6 && abs(last.tokens - all) < 1e-6)
        #expect(last.sequences == Double(Self.sequences.count))
        try scoring.finish()
        #expect(ended == Self.sequences, "nothing waits any more")
    }

    /// As many as fit are computed together, not fewer.
    @Test func batchesAreFilled() throws {
        var counts: [Int] = []
        let scoring = WindowScoring(batch: 32, bosToken: nil, each: TellingScorer.losses) { windows, _ in
            counts.append(windows.count)
        }
        for index in 0..<10 {
            let sequence = TokenSequence(document: "d", index: index, tokens: [1, 2, 3, 4, 5, 6, 7, 8])
            try scoring.add(sequence, plan: plan(sequence))
            #expect(counts.count == index / 4)
        }
        try scoring.finish()
        #expect(counts == [4, 4, 2])
    }

    /// However small a sequence's share of a batch is, what waits is bounded: in number, and in tokens.
    @Test func whatWaitsIsBounded() throws {
        var added = 0, ended = 0
        let scoring = WindowScoring(batch: 100, bosToken: nil, each: { _, _ in [] })
        scoring.afterSequence = { (_, _, _) throws(LensError) in ended += 1 }
        for index in 0..<1000 {
            let sequence = TokenSequence(document: "d", index: index, tokens: [1])
            try scoring.add(sequence, plan: plan(sequence))
            added += 1
            #expect(added - ended <= 100)
        }
        // Long ones whose losses are known but for the last window's.
        let long = TokenSequence(document: "long", index: 0, tokens: .init(repeating: 1, count: 8 + 6 * 10_000))
        let windows = WindowScoring(
            batch: 100, bosToken: nil,
            each: { tokens, first in
                [Float](repeating: 1, count: tokens.count - 1 - first)
            })
        (added, ended) = (0, 0)
        windows.afterSequence = { (_, _, _) throws(LensError) in ended += 1 }
        for _ in 0..<5 {
            try windows.add(long, plan: plan(long), known: .init(repeating: 1, count: long.tokens.count - 7))
            added += 1
            #expect(added - ended <= 1)
        }
    }

    @Test func anErrorNamesItsDocumentAndKeepsWhatCameBefore() throws {
        var ended: [String] = []
        let scoring = WindowScoring(
            batch: 1000, bosToken: nil,
            each: { tokens, first in
                tokens.dropFirst(first + 1).map { $0 == 305 ? .infinity : 1 }
            })
        scoring.afterSequence = { (sequence, _, _) throws(LensError) in
            ended.append("\(sequence.document).\(sequence.index)")
        }
        for sequence in Self.sequences.prefix(5) {
            let moved = TokenSequence(
                document: sequence.document, index: sequence.index, tokens: sequence.tokens.map { $0 - 7 })
            try scoring.add(moved, plan: plan(moved))
        }
        let error = #expect(throws: LensError.self) { try scoring.finish() }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("token 5 of sequence 1 of document \"d1\"") == true, "\(error?.message ?? "")")
        #expect(ended == ["d0.0", "d0.1", "d1.0"])
    }

    @Test func whatCameBeforeAnErrorOfTheInputIsComputed() throws {
        for (kind, expected) in [(LensError.Kind.data, 1), (.io, 1), (.interrupted, 0)] {
            var ended = 0
            let scoring = WindowScoring(batch: 1000, bosToken: nil, each: TellingScorer.losses)
            scoring.afterSequence = { (_, _, _) throws(LensError) in ended += 1 }
            try scoring.add(Self.sequences[0], plan: plan(Self.sequences[0]))
            let error = #expect(throws: LensError.self) {
                try scoring.finishing { () throws(LensError) in throw LensError(kind, "no more") }
            }
            #expect(error?.kind == kind && ended == expected)
        }
    }

    /// The scorers give what a pass over each window gives, to the bit.
    @Test func scorersGiveTheLossesOfEachWindow() throws {
        let configuration = ModelConfiguration(
            vocabularySize: 64, hiddenSize: 48, feedForwardSize: 96, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
            headDimension: 12, contextLength: 512)
        let model = try TrainableModel(randomWeightsOf: configuration, seed: 3)
        let frozen = try LanguageModel(copying: model)
        let sequence = TokenSequence(document: "d", index: 0, tokens: [1] + (0..<300).map { Int32($0 * $0 % 61) })
        for (context, stride) in [(16, nil), (64, 48), (200, 100), (300, 1)] as [(Int, Int?)] {
            let plan = try WindowPlan(length: 301, context: context, stride: stride)
            let pass = try InferencePass(frozen, contextLength: context)
            let expected = try windowedLosses(sequence.tokens, plan: plan, bosToken: 1, losses: pass.losses(_:from:))
            for length in [nil, 301] {
                let scorer = try ModelScorer(frozen, context: context, stride: stride, bosToken: 1, length: length)
                var shares: [Double] = []
                let losses = try scorer.losses(of: sequence.tokens) { shares.append($0) }
                #expect(losses == expected)
                #expect(shares.count.isMultiple(of: configuration.layerCount) && shares.last == 1)
                #expect(shares[0] > 0 && zip(shares, shares.dropFirst()).allSatisfy(<))
                let own = try OwnScorer(model, context: context, stride: stride, bosToken: 1, length: length)
                let long = (0..<300).map { Float($0) }
                let scored = try own.losses(of: sequence, long: long) { _ in }
                let first = plan[0].scored.count
                #expect(Array(scored[..<first]) == Array(long[..<first]))
                #expect(Array(scored[first...]) == Array(expected[first...]))
            }
        }
    }

    @Test func batchesOfASequence() {
        #expect(WindowPlan.batch(context: 1024, length: 4096) == 2048)
        #expect(WindowPlan.batch(context: 8192, length: 1 << 20) == 8192)
        #expect(WindowPlan.batch(context: 64, length: 100) == 100)
        #expect(WindowPlan.batch(context: 64, length: 50) == 50)
    }
}
