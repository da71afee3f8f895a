import Foundation
import LensData
import LensFormats
import LensModels
import LensScoring
import LensSupport
import Testing

/// Losses of a real model, and what the method's authors make of them; made by scripts/oracle/make_longppl_fixture.py.
private struct LongPerplexityFixture: Decodable {
    struct Document: Decodable {
        var id: String, tokens: [Int32], long: [Float], short: [Float?], key: [Int]
        var longppl: Double?
        var perplexity: Double, share: Double
    }
    struct All: Decodable { var longppl, perplexity, share: Double }
    var alpha, beta: Double, documents: [Document], all: All

    static func read() throws -> LongPerplexityFixture {
        let url = try #require(Bundle.module.url(forResource: "Fixtures/longppl", withExtension: "json"))
        return try JSONDecoder().decode(LongPerplexityFixture.self, from: Data(contentsOf: url))
    }
}

@Suite struct LongPerplexityTests {
    @Test func isThatOfTheAuthors() throws {
        let fixture = try LongPerplexityFixture.read()
        let rule = KeyTokenRule()
        #expect(rule == KeyTokenRule(alpha: fixture.alpha, beta: fixture.beta))
        var measured = LongPerplexity(rule)
        var losses: [Float] = []
        for document in fixture.documents {
            // Without a short loss nothing is short.
            let short = zip(document.long, document.short).map { $1 ?? $0 }
            let key = document.long.indices.filter { rule.isKey(long: document.long[$0], short: short[$0]) }
            #expect(key == document.key)
            // In two sequences: a document's are taken together.
            let cut = document.tokens.count / 2
            for (index, range) in [0..<cut, cut..<document.long.count].enumerated() {
                measured.add(
                    TokenSequence(
                        document: document.id, index: index,
                        tokens: Array(document.tokens[range.lowerBound...range.upperBound])),
                    losses: Array(document.long[range]),
                    evaluator: (Array(document.long[range]), Array(short[range])))
            }
            losses += document.long
        }
        #expect(measured.documents.map(\.document) == fixture.documents.map(\.id))
        for (own, document) in zip(measured.documents, fixture.documents) {
            #expect(own.all.count == document.long.count && own.key.count == document.key.count)
            #expect(abs(own.all.perplexity / document.perplexity - 1) < 1e-6)
            if let expected = document.longppl {
                #expect(abs(own.key.perplexity / expected - 1) < 1e-6)
            } else {
                #expect(own.key.count == 0 && own.key.mean.isNaN)
            }
        }
        #expect(abs(measured.keyLosses.perplexity / fixture.all.longppl - 1) < 1e-6)
        #expect(abs(Double(measured.keyLosses.count) / Double(losses.count) / fixture.all.share - 1) < 1e-9)
    }

    /// A token is key past both thresholds, and not at them.
    @Test func thresholdsThemselvesAreNotPast() {
        let rule = KeyTokenRule(alpha: 0.5, beta: -2)
        #expect(rule.isKey(long: 1, short: 1.75))
        #expect(!rule.isKey(long: 1, short: 1.5), "no more than alpha")
        #expect(!rule.isKey(long: 2, short: 4), "no more than beta")
        #expect(rule.isKey(long: 1.75, short: 4))
        #expect(!rule.isKey(long: 4, short: 1.75), "the short context is the better one")
        #expect(KeyTokenRule(alpha: -1).isKey(long: 1, short: 0.5))
    }

    /// The evaluated model, the same weights as another model, and a file of its short losses tell the same key tokens; the
    /// losses are those of the windows.
    @Test func evaluatorsAgree() throws {
        let configuration = ModelConfiguration(
            vocabularySize: 64, hiddenSize: 48, feedForwardSize: 96, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
            headDimension: 12, contextLength: 512)
        let model = try LanguageModel(copying: TrainableModel(randomWeightsOf: configuration, seed: 3))
        let pass = try InferencePass(model, contextLength: 200)
        let windows = try WindowPlan.ofScorer(length: 200, context: 32, stride: 8)
        let scorer = try ModelScorer(model, context: 32, stride: 8, bosToken: 1)
        for length in [200, 90, 33, 32, 2] {
            let sequence = TokenSequence(
                document: "d", index: 0, tokens: [1] + (1..<length).map { Int32($0 * $0 % 61) })
            let long = try pass.losses(sequence.tokens)
            let expected = try scorer.losses(of: sequence.tokens)
            var layers = 0
            for evaluator in [
                KeyTokenEvaluator.own(pass, windows: windows, bosToken: 1),
                .model(try InferencePass(model, contextLength: 200), windows: windows, bosToken: 1),
            ] {
                #expect(evaluator.isShort(sequence) == (length > 32))
                let result = try evaluator.losses(of: sequence, evaluated: long) { () throws(LensError) in layers += 1 }
                #expect(result.long == long)
                // Those of the first window are the long ones.
                let first = min(length, 32) - 1
                #expect(Array(result.short[..<first]) == Array(long[..<first]))
                #expect(Array(result.short[first...]) == Array(expected[first...]))
            }
            #expect((layers > 0) == (length > 32))
        }
        // What it throws ends the work.
        let error = #expect(throws: LensError.self) {
            try KeyTokenEvaluator.own(pass, windows: windows, bosToken: 1).losses(
                of: TokenSequence(document: "d", index: 0, tokens: .init(repeating: 3, count: 100)),
                evaluated: .init(repeating: 1, count: 99)
            ) { () throws(LensError) in throw LensError(.interrupted, "stop") }
        }
        #expect(error?.kind == .interrupted)
    }

    @Test func aScorersContextIsShort() throws {
        #expect(try WindowPlan.ofScorer(length: 100, context: 99, stride: nil).context == 99)
        for context in [100, 101] {
            let error = #expect(throws: LensError.self) {
                try WindowPlan.ofScorer(length: 100, context: context, stride: nil)
            }
            #expect(error?.kind == .usage && error?.message.contains("Lower --scorer-context") == true)
        }
    }
}
