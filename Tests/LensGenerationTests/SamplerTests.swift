import Foundation
import LensGeneration
import LensSupport
import Testing

/// Which token is chosen from given logits.
@Suite struct SamplerTests {
    /// Probabilities 0.4, 0.3, 0.2, 0.1 at temperature 1, not in that order.
    static let logits: [Float] = [0.2, 0.4, 0.1, 0.3].map { logf($0) + 5 }

    /// How often each token is drawn.
    private func shares(_ settings: SamplingSettings, of logits: [Float] = logits, draws: Int = 20_000) throws
        -> [Double]
    {
        var sampler = try Sampler(settings), counts = [Int](repeating: 0, count: logits.count)
        for _ in 0..<draws { counts[Int(try sampler.next(logits))] += 1 }
        return counts.map { Double($0) / Double(draws) }
    }

    private func expect(_ shares: [Double], near expected: [Double]) {
        for (share, wanted) in zip(shares, expected) {
            // Five standard deviations; what may not be drawn never is.
            #expect(wanted == 0 ? share == 0 : abs(share - wanted) < 0.018, "\(shares) and not \(expected)")
        }
    }

    @Test func greedyTakesTheHighestAndOfEqualOnesTheFirst() throws {
        var sampler = try Sampler()
        #expect(try sampler.next(Self.logits) == 1)
        #expect(try sampler.next([1, 3, 3, 2]) == 1)
        #expect(try sampler.next([-0.0, 0]) == 0)
        #expect(try sampler.next([-5]) == 0)
        var ofOne = try Sampler(SamplingSettings(temperature: 2, topK: 1))
        for _ in 0..<100 { #expect(try ofOne.next([1, 3, 3, 2]) == 1) }
    }

    @Test func drawsFollowTheProbabilities() throws {
        expect(try shares(SamplingSettings(temperature: 1, seed: 1)), near: [0.2, 0.4, 0.1, 0.3])
        // Squares of the probabilities, and their square roots.
        let squares = [4.0, 16, 1, 9].map { $0 / 30 }
        expect(try shares(SamplingSettings(temperature: 0.5, seed: 2)), near: squares)
        let roots = [0.2, 0.4, 0.1, 0.3].map { $0.squareRoot() }, sum = roots.reduce(0, +)
        expect(try shares(SamplingSettings(temperature: 2, seed: 3)), near: roots.map { $0 / sum })
    }

    @Test func topKLeavesTheMostLikely() throws {
        expect(try shares(SamplingSettings(temperature: 1, topK: 2)), near: [0, 4 / 7.0, 0, 3 / 7.0])
        expect(try shares(SamplingSettings(temperature: 1, topK: 9)), near: [0.2, 0.4, 0.1, 0.3])
        expect(
            try shares(SamplingSettings(temperature: 1, topK: 2), of: [1, 1, 1, 1]), near: [0.5, 0.5, 0, 0])
    }

    @Test func topPLeavesTheFewestThatReachIt() throws {
        expect(try shares(SamplingSettings(temperature: 1, topP: 0.39)), near: [0, 1, 0, 0])
        expect(try shares(SamplingSettings(temperature: 1, topP: 0.41)), near: [0, 4 / 7.0, 0, 3 / 7.0])
        expect(try shares(SamplingSettings(temperature: 1, topP: 0.71)), near: [2 / 9.0, 4 / 9.0, 0, 3 / 9.0])
        expect(try shares(SamplingSettings(temperature: 1, topP: 1)), near: [0.2, 0.4, 0.1, 0.3])
        // Of what top-k leaves: 4/7 and 3/7, or 4/9, 3/9 and 2/9.
        expect(try shares(SamplingSettings(temperature: 1, topK: 2, topP: 0.5)), near: [0, 1, 0, 0])
        expect(try shares(SamplingSettings(temperature: 1, topK: 3, topP: 0.5)), near: [0, 4 / 7.0, 0, 3 / 7.0])
        // The temperature comes first.
        expect(try shares(SamplingSettings(temperature: 0.5, topP: 0.52)), near: [0, 1, 0, 0])
    }

    @Test func manyTokensInTheirOrder() throws {
        // Token t has rank (t * 7919) mod 1000; the ten most likely are equal enough to come all.
        let logits = (0..<1000).map { -Float($0 * 7919 % 1000) * 0.01 }
        let drawn = try shares(SamplingSettings(temperature: 1, topK: 10), of: logits)
        for (token, share) in drawn.enumerated() { #expect((share > 0) == (token * 7919 % 1000 < 10)) }
    }

    @Test func theSeedDecides() throws {
        func tokens(_ seed: UInt64) throws -> [Int32] {
            var sampler = try Sampler(SamplingSettings(temperature: 1, seed: seed))
            return try (0..<50).map { _ in try sampler.next(Self.logits) }
        }
        #expect(try tokens(1) == tokens(1))
        #expect(try tokens(1) != tokens(2))
    }

    @Test func extremeLogits() throws {
        var sampler = try Sampler(SamplingSettings(temperature: 1e-6))
        for _ in 0..<100 { #expect(try sampler.next([-1e30, 3, 2.99, -3e38]) == 1) }
        var hot = try Sampler(SamplingSettings(temperature: 1e300, topP: 0.5))
        _ = try hot.next([-3e38, 3e38])
    }

    @Test func whatCannotBeIsAnError() throws {
        for settings in [
            SamplingSettings(temperature: -1), SamplingSettings(temperature: .nan),
            SamplingSettings(temperature: .infinity), SamplingSettings(topK: 0), SamplingSettings(topP: 0),
            SamplingSettings(topP: 1.1), SamplingSettings(topP: .nan),
        ] {
            #expect { try Sampler(settings) } throws: { ($0 as? LensError)?.kind == .usage }
        }
        for temperature in [0.0, 1] {
            var sampler = try Sampler(SamplingSettings(temperature: temperature))
            for logits: [Float] in [[], [1, .nan], [.infinity, 0], [-.infinity]] {
                #expect { try sampler.next(logits) } throws: { ($0 as? LensError)?.kind == .data }
            }
        }
    }
}
