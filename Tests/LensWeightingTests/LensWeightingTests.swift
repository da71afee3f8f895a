import Foundation
import LensSupport
import LensTestSupport
import LensWeighting
import Testing

/// Losses of 37 predictions and their weights by the published formulas; made by Fixtures/make_weights.py.
struct WeightFixture: Decodable {
    struct Case: Decodable { var scheme: String, weights: [Double] }
    var long: [Float], short: [Float], cases: [Case]

    static let shared: WeightFixture = {
        let url = Bundle.module.url(forResource: "Fixtures/weights", withExtension: "json")
        guard let url, let fixture = try? JSONDecoder().decode(WeightFixture.self, from: Data(contentsOf: url)) else {
            preconditionFailure("Fixtures/weights.json is missing")
        }
        return fixture
    }()
}

/// Weights of one sequence under a scheme, with a generator of its own.
func weights(_ spec: String, _ long: [Float], _ short: [Float]?, seed: UInt64 = 1) throws -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return try WeightingScheme(spec).weights(long: long, short: short, generator: &generator)
}

/// Losses in [0, 8) and others near them.
func losses(_ count: Int, seed: UInt64 = 3) -> (long: [Float], short: [Float]) {
    let long = randomFloats(count, seed: seed, scale: 4).map { $0 + 4 }
    let short = zip(long, randomFloats(count, seed: seed + 1, scale: 2)).map { max(0, $0 + $1) }
    return (long, short)
}

func mean(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1) } / Double(values.count) }

@Suite struct PublishedFormulas {
    @Test(arguments: WeightFixture.shared.cases.map(\.scheme)) func matchPyTorch(scheme: String) throws {
        let fixture = WeightFixture.shared
        let expected = try #require(fixture.cases.first { $0.scheme == scheme }).weights
        let result = try weights(scheme, fixture.long, fixture.short)
        #expect(result.count == expected.count)
        for (index, (result, expected)) in zip(result, expected).enumerated() {
            // fp32 holds the result; everything before it is double precision.
            #expect(abs(Double(result) - expected) <= 1e-6 * max(1, abs(expected)), "prediction \(index)")
        }
    }

    /// Table 1 of Helm, Daheim and Gurevych; its numbers are rounded to 0.01 before and after the subtraction.
    @Test func tableOne() {
        let long: [Float] = [8.75, 0.20, 0.58, 7.82, 1.32, 4.54, 0.02, 3.76, 0.02, 0.01, 0.01, 0.04, 0.26]
        let short: [Float] = [8.49, 0.21, 0.64, 8.82, 1.03, 4.40, 0.02, 4.84, 0.63, 0.01, 0.00, 0.72, 0.46]
        let published = [0.26, 0.01, 0.07, 1.00, 0.29, 0.14, 0.00, 1.08, 0.61, 0.01, 0.00]
        let scores = Comparison.difference.scores(long: long, short: short).map { Transform.absolute($0) }
        for (score, published) in zip(scores, published) { #expect(abs(score - published) < 0.0151) }
    }

    @Test func packedDocumentsCountTheirOwnContext() throws {
        let scheme = try WeightingScheme("exact:alpha=1,gamma=1,tau=8")
        var generator = SeededGenerator(seed: 0)
        let result = try scheme.weights(
            long: Array(repeating: 1, count: 29), short: nil, documentStarts: [0, 12, 14], generator: &generator)
        // Tokens 8…11 of the first document and 22…29 of the third have at least 8 tokens to their left: one bucket.
        for token in 1...29 {
            // Nothing predicts the tokens with which documents begin.
            let begins = token == 12 || token == 14
            let expected: Float = begins ? 0 : (8...11).contains(token) || (22...29).contains(token) ? 2 : 1
            #expect(result[token - 1] == expected)
        }
    }

    /// The tokens with which documents begin are as if they were not there.
    @Test(arguments: ["uniform", "dense", "sparse:kappa=0.3", "longce", "ppmi", "longfilter", "exact:tau=8"])
    func documentsOfASequence(spec: String) throws {
        let scheme = try WeightingScheme(spec)
        let starts = [0, 1, 12, 30]
        let long = (0..<40).map { starts.contains($0 + 1) ? Float.nan : 1 + Float($0 % 7) / 3 }
        let short = (0..<40).map { 1.5 + Float($0 % 5) / 2 }
        var generator = SeededGenerator(seed: 3), other = generator
        let weights = try scheme.weights(long: long, short: short, documentStarts: starts, generator: &generator)
        #expect(weights.count == 40 && starts.dropFirst().allSatisfy { weights[$0 - 1] == 0 })
        let inside = long.indices.filter { !starts.contains($0 + 1) }
        #expect(inside.count == 37 && inside.contains { weights[$0] > 0 })
        guard !spec.hasPrefix("exact") else { return }
        let alone = try scheme.weights(
            long: inside.map { long[$0] }, short: inside.map { short[$0] }, generator: &other)
        #expect(inside.map { weights[$0] } == alone)
        #expect(throws: LensError.self) {
            try scheme.weights(long: long, short: short, documentStarts: [1], generator: &other)
        }
    }

    @Test func effectiveContextAtBucketEdges() throws {
        // Predictions 1023… are of tokens 1024…, which have 1024 tokens to their left.
        let result = try weights("exact:alpha=0.15,gamma=0.5,tau=1024", Array(repeating: 0, count: 4095), nil)
        #expect(result[..<1023].allSatisfy { $0 == 1 })
        #expect(Set(result[1023..<2047]).count == 1 && Set(result[2047...]).count == 1)
        // Half as many tokens, √2 times the extra weight; 0.15 extra on average over the tail.
        let ratio: Float = (result[1023] - 1) / (result[2047] - 1)
        #expect(abs(ratio - Float(2).squareRoot()) < 1e-4)
        #expect(abs(mean(Array(result[1023...])) - 1.15) < 1e-6)
    }
}

@Suite struct Invariants {
    static let normalized = [
        "dense:lambda=0.75", "dense:lambda=0.1", "sparse:kappa=0.2", "sparse:kappa=0.013", "ppmi:shift=1",
        "npmi:shift=2",
        "ppmi:shift=1,kappa=0.05", "rho:kappa=0.6", "longfilter", "pipeline:transforms=absolute,normalization=softmax",
        "pipeline:transforms=minus+exp,truncation=5,sparsification=0.2,normalization=l1,interpolation=0.5",
    ]

    @Test(arguments: normalized, [2, 13, 1023]) func averageIsOne(spec: String, count: Int) throws {
        let (long, short) = losses(count)
        #expect(abs(mean(try weights(spec, long, short)) - 1) < 1e-6)
    }

    @Test func plainCrossEntropyBitForBit() throws {
        let (long, short) = losses(777)
        for spec in ["uniform", "dense:lambda=1", "sparse:kappa=1", "rho:kappa=1", "ppmi:shift=1,kappa=1"] {
            #expect(try weights(spec, long, short).allSatisfy { $0 == 1 }, "\(spec)")
        }
    }

    @Test(arguments: [
        "dense:lambda=0.75", "dense:lambda=0.3", "sparse:kappa=1", "longce:gamma=5", "ppmi:shift=1", "npmi:shift=1",
        "longfilter", "pipeline",
    ]) func equalLossesWeighOne(spec: String) throws {
        let (long, _) = losses(101)
        #expect(try weights(spec, long, long).allSatisfy { $0 == 1 })
    }

    @Test func absoluteScoreIsSymmetric() throws {
        let (long, short) = losses(500)
        for spec in ["dense:lambda=0.2", "sparse:kappa=0.1"] {
            #expect(try weights(spec, long, short) == weights(spec, short, long))
        }
    }

    @Test func positiveAndNegativePartsAddUp() throws {
        let (long, short) = losses(500)
        let positive = try weights("pipeline:transforms=minus+shift:1+max,normalization=none", long, short)
        let negative = try weights("pipeline:transforms=shift:1+max,normalization=none", long, short)
        let absolute = try weights("pipeline:transforms=absolute,normalization=none", long, short)
        for i in long.indices { #expect(positive[i] + negative[i] == absolute[i]) }
    }

    @Test func selfScoredBeginningWeighsLambda() throws {
        var (long, short) = losses(300)
        short.replaceSubrange(..<127, with: long[..<127])
        let result = try weights("dense:lambda=0.75", long, short)
        #expect(result[..<127].allSatisfy { $0 == 0.75 })
        #expect(result[127...].allSatisfy { $0 > 0.75 })
        long[0] += 1
        #expect(try weights("dense:lambda=0.75", long, short)[0] > 0.75)
    }

    @Test func longCrossEntropyIsTruncatedProbabilityRatio() throws {
        let result = try weights("longce:gamma=5", [1, 2, 0.1, 0], [1 + 1.25, 1.5, 9, 800])
        for (result, expected) in zip(result, [3.4903430, 0.6065307, 5, 5]) {
            #expect(abs(Double(result) - expected) < 1e-6)
        }
    }

    @Test func hugeRatiosStayFinite() throws {
        let result = try weights("pipeline:transforms=minus+exp,normalization=none", [0, 1], [3000, 1])
        #expect(result[0].isFinite && result[0] > 1e37 && result[1] == 1)
        #expect(try weights("pipeline:transforms=minus+exp", [0, 1, 1], [3000, 1, 2000]).allSatisfy(\.isFinite))
    }

    @Test(arguments: ["dense:lambda=0.5", "sparse:kappa=0.2", "longce:gamma=5", "longfilter", "pipeline"])
    func brokenLossesCannotPassUnseen(spec: String) throws {
        for broken in [Float.nan, .infinity] {
            #expect(try weights(spec, [1, broken, 2, 3, 4], [1, 1, 1, 1, 1]).allSatisfy(\.isNaN))
        }
    }

    @Test func noPredictionsNoWeights() throws {
        for spec in Self.normalized + ["uniform", "exact:tau=8", "longce:gamma=5"] {
            #expect(try weights(spec, [], []).isEmpty)
        }
    }
}

@Suite struct TopKappa {
    @Test(arguments: [
        (0.2, 5, 1), (0.29, 100, 29), (0.57, 100, 57), (0.7, 10, 7), (0.2, 4, 0), (0.2, 9, 1), (1, 8191, 8191),
        (0.1, 32767, 3276), (0.999, 1000, 999), (0.3, 10, 3), (1e-9, 1000, 0),
    ]) func keptCountIsTheFloor(kappa: Double, count: Int, expected: Int) {
        #expect(keptCount(kappa: kappa, of: count) == expected)
    }

    @Test func keptCountOfEveryHundredth() {
        for percent in 1...100 {
            for count in 0...2000 {
                // Fractions of 100 in whole numbers.
                #expect(keptCount(kappa: Double(percent) / 100, of: count) == percent * count / 100)
            }
        }
    }

    @Test func keepsTheLargest() {
        var generator = SeededGenerator(seed: 5)
        let values = randomFloats(1000, seed: 11).map(Double.init)
        let mask = topKappa(values, kappa: 0.137, generator: &generator)
        let kept = values.indices.filter { mask[$0] == 1 }
        #expect(kept.count == 137 && mask.allSatisfy { $0 == 0 || $0 == 1 })
        let smallestKept = kept.map { values[$0] }.min() ?? 0
        #expect(values.indices.allSatisfy { mask[$0] == 1 || values[$0] < smallestKept })
        #expect(generator.state == SeededGenerator(seed: 5).state, "nothing to choose, nothing drawn")
    }

    @Test func choiceAmongEqualScoresIsRandomAndReproducible() {
        let values: [Double] = [0, 3, 0, 0, 5, 0, 0, 0, 0, 0]
        var counts = Array(repeating: 0, count: 10)
        for seed in 0..<2000 {
            var generator = SeededGenerator(seed: UInt64(seed)), again = SeededGenerator(seed: UInt64(seed))
            let mask = topKappa(values, kappa: 0.4, generator: &generator)
            #expect(mask == topKappa(values, kappa: 0.4, generator: &again))
            #expect(mask.reduce(0, +) == 4)
            for i in mask.indices where mask[i] == 1 { counts[i] += 1 }
        }
        #expect(counts[1] == 2000 && counts[4] == 2000)
        // Two of eight: 500 each, standard deviation 19.
        for i in [0, 2, 3, 5, 6, 7, 8, 9] { #expect(abs(counts[i] - 500) < 100) }
    }

    @Test func weightsOfKeptTokensAreCountOverKept() throws {
        let (long, short) = losses(32767)
        let result = try weights("sparse:kappa=0.2", long, short)
        #expect(result.count { $0 == Float(32767.0 / 6553.0) } == 6553)
        #expect(result.count { $0 == 0 } == 32767 - 6553)
    }
}

@Suite struct Statistics {
    @Test func sampleStandardDeviation() {
        let statistics = WeightStatistics([2, 4, 4, 4, 5, 5, 7, 9, 0, 0])
        #expect(statistics.mean == 4)
        #expect(abs(statistics.standardDeviation - (72.0 / 9).squareRoot()) < 1e-12)
        #expect(statistics.nonzeroFraction == 0.8)
    }

    @Test func fewWeights() {
        #expect(WeightStatistics([3]).standardDeviation == 0)
        #expect(WeightStatistics([]).mean == 0)
    }
}
