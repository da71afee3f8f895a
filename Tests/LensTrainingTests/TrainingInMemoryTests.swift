import LensData
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensTraining
import LensWeighting
import Testing

/// Training from values gives what training from files gives, and refuses what cannot be.
@Suite struct TrainingInMemoryTests {
    private func documents() throws -> [Document] {
        try ReferenceCurve.load("llama").sequences.enumerated().map {
            Document(id: "doc\($0)", content: .tokens($1))
        }
    }

    private func options() -> Trainer.Options {
        var options = Trainer.Options(contextLength: 48)
        (options.learningRate, options.warmup, options.accumulate) = (1e-2, 2, 2)
        (options.steps, options.seed) = (6, 3)
        return options
    }

    private func model() throws -> TrainableModel {
        try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
    }

    @Test func theBitsAreThoseOfTheSameRunFromFiles() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try shortRun(folder, output: "files")
        #expect(train(settings).error == nil)
        let fromFiles = try Pretrained.load(path: settings.output + "/model").model

        let model = try model()
        var told = 0
        let metrics = try Trainer.run(
            model: model, documents: documents(), encoder: DocumentEncoder(FixtureTokens()),
            scheme: .dense(lambda: 0.75), scorer: OwnScorer(model, context: 16), options: options()
        ) { _ in told += 1 }
        #expect(metrics.count == 6 && told == 6)
        #expect(try metrics.map(\.loss) == MetricsLine.read(settings.output).map(\.loss))
        let fromMemory = try TrainableModel(copying: model.freeze())
        #expect(try fromMemory.parameters.all.array == TrainableModel(copying: fromFiles).parameters.all.array)
    }

    /// A frozen copy as the scorer gives other losses than the model that trains.
    @Test func anyScorerServes() throws {
        final class Half: Scorer {
            func losses(
                of sequence: TokenSequence, long: [Float], progress: (Double) -> Void
            ) throws(LensError) -> [Float] { long.enumerated().map { $0 % 2 == 0 ? $1 : $1 + 1 } }
            var fingerprint: String { "half" }
            var memory: ScorerMemory { .bytes(16) }
        }
        func losses(_ scorer: (TrainableModel) throws -> any Scorer) throws -> [Double] {
            let model = try model()
            return try Trainer.run(
                model: model, documents: documents(), encoder: DocumentEncoder(FixtureTokens()), scheme: .dense(),
                scorer: scorer(model), options: options()
            ).map(\.loss)
        }
        let own = try losses { try OwnScorer($0, context: 16) }
        let frozen = try losses { try ModelScorer(LanguageModel(copying: $0), context: 16) }
        let half = try losses { _ in Half() }
        #expect(own.count == 6 && frozen.count == 6 && half.count == 6)
        #expect(own[0] == frozen[0] && own[5] != frozen[5] && half[0] != own[0])
    }

    @Test func whatCannotBeIsAnErrorBeforeTheFirstUpdate() throws {
        let documents = try documents()
        func error(
            _ scheme: WeightingScheme = .uniform, _ documents: [Document],
            _ change: (inout Trainer.Options) -> Void = { _ in }
        ) -> LensError.Kind? {
            var options = options()
            change(&options)
            return lensError {
                let model = try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
                let before = model.fingerprint
                defer { #expect(model.fingerprint == before) }
                try Trainer.run(
                    model: model, documents: documents, encoder: DocumentEncoder(FixtureTokens()), scheme: scheme,
                    options: options)
            }?.kind
        }
        #expect(try error(.dense(), documents) == .usage, "a scheme without its scorer")
        #expect(error(.uniform, []) == .data)
        #expect(error(.uniform, [Document(id: "short", content: .tokens([1, 2, 3]))]) == .data)
        #expect(error(.uniform, [Document(id: "strange", content: .tokens([1, 99]))]) == .data)
        #expect(error(.uniform, documents) { $0.contextLength = 1 } == .usage)
        #expect(error(.uniform, documents) { $0.steps = 0 } == .usage)
        #expect(error(.uniform, documents) { $0.accumulate = 0 } == .usage)
        #expect(error(.uniform, documents) { $0.learningRate = .nan } == .usage)
        #expect(error(.uniform, documents) { $0.warmup = -1 } == .usage)
        #expect(error(.uniform, documents) { $0.memoryLimit = 1 << 20 } == .machine)
    }

    @Test func aFrozenModelTrainsNoMore() throws {
        let model = try model()
        let frozen = model.freeze()
        let before = frozen.fingerprint
        let error = lensError {
            try Trainer.run(
                model: model, documents: documents(), encoder: DocumentEncoder(FixtureTokens()), options: options())
        }
        #expect(error?.kind == .usage && frozen.fingerprint == before)
    }
}
