import LensData
import LensFormats
import LensModels
import LensScoring
import LensSupport
import Testing

/// Perplexity of documents longer than the context.
@Suite struct PerplexityTests {
    private static func model() throws -> LanguageModel {
        let configuration = ModelConfiguration(
            vocabularySize: 64, hiddenSize: 16, feedForwardSize: 32, layerCount: 1, headCount: 2, keyValueHeadCount: 1,
            headDimension: 8, contextLength: 512)
        return try LanguageModel(copying: TrainableModel(randomWeightsOf: configuration, seed: 3))
    }

    private static func evaluation(
        _ pass: InferencePass, bosToken: Int32?,
        beforeBatch: @escaping (WorkPart) throws(LensError) -> Void = { (_) throws(LensError) in }
    ) throws -> PerplexityEvaluation {
        let encoder = try DocumentEncoder(TokenIDsEncoding(model: "m", vocabularySize: 64, bosToken: bosToken))
        return PerplexityEvaluation(encoder: encoder, pass: pass, bosToken: bosToken, beforeBatch: beforeBatch)
    }

    /// Cut into sequences, the shorter last one too, each of which begins with BOS where the document does.
    @Test func isThatOfTheSequences() throws {
        let pass = try InferencePass(Self.model(), contextLength: 24, batch: 100)
        for (bosToken, length) in [(nil, 500), (1, 500), (1, 24), (1, 25)] as [(Int32?, Int)] {
            let tokens = [1] + (1..<length).map { Int32($0 * $0 % 61 + 2) }
            let evaluation = try Self.evaluation(pass, bosToken: bosToken)
            var given: [[Float]] = [], expected: [[Float]] = [], losses = BucketedLosses()
            evaluation.afterSequence = { (sequence, losses) throws(LensError) in
                #expect(sequence.index == given.count)
                given.append(losses)
            }
            try evaluation.add(Document(id: "d", content: .tokens(tokens)))
            try evaluation.finish()
            let repeated = bosToken == nil ? 0 : 1
            for start in stride(from: repeated, to: length, by: 24 - repeated) {
                let sequence = tokens[..<repeated] + tokens[start..<min(start + 24 - repeated, length)]
                if sequence.count > 1 { expected.append(try pass.losses(Array(sequence))) }
            }
            #expect(given == expected && evaluation.sequenceCount == expected.count)
            for sequence in expected {
                for (index, loss) in sequence.enumerated() { losses.add(loss, at: index + 1) }
            }
            #expect(evaluation.losses == losses)
        }
    }

    /// A document of any length takes no memory that grows with it, beside its tokens.
    @Test func aLongDocumentIsCutAsItIsComputed() throws {
        let document = Document(id: "d", content: .tokens(.init(repeating: 5, count: 32 << 20)))
        let pass = try InferencePass(Self.model(), contextLength: 1024)
        let before = SystemMemory.resident
        var batches = 0, grown = 0
        let evaluation = try Self.evaluation(pass, bosToken: nil) { (_) throws(LensError) in
            batches += 1
            grown = max(grown, SystemMemory.resident - before)
            if batches == 8 { throw LensError(.interrupted, "enough") }
        }
        let error = #expect(throws: LensError.self) { try evaluation.add(document) }
        #expect(error?.kind == .interrupted && batches == 8 && evaluation.addedCount < 100)
        // A copy of its tokens is 128 MiB; other tests run beside this one.
        #expect(grown < 64 << 20, "\(grown) bytes")
    }
}
