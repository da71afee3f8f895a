import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensTraining
import LensWeighting
import Testing

@Suite struct PackedTrainingTests {
    private let lengths = [20, 9, 30, 14, 2, 25]

    private func documents() -> [Document] {
        lengths.enumerated().map { index, count in
            Document(
                id: "d\(index)", content: .tokens([1] + (1..<count).map { Int32(3 + ($0 * $0 + 7 * index) % 60) }))
        }
    }

    private func trainer(
        _ model: TrainableModel, scheme: String, scorer: (any Scorer)? = nil, length: Int = 48, packs: Bool = true,
        positions: PositionPolicy = .restart, accumulate: Int = 3
    ) throws -> Trainer {
        let sequences = try TrainingSequences(
            documents: documents(), encoder: DocumentEncoder(FixtureTokens()), length: length, packs: packs)
        return try Trainer(
            model, sequences: sequences, scorer: scorer, recompute: .all(.attention),
            settings: Trainer.Settings(
                scheme: WeightingScheme(scheme), accumulate: accumulate,
                schedule: LearningRateSchedule(shape: .constant, peak: 1e-3, warmup: 0, steps: 4), optimizer: AdamW(),
                seed: 1, shuffle: true, positions: positions))
    }

    /// Every prediction of an update counts alike, in whatever sequence it is.
    @Test(arguments: [PositionPolicy.restart, .runOn])
    func theLossIsThatOfTheDocuments(positions: PositionPolicy) throws {
        let pretrained = try Pretrained.load(path: fixture("llama")).model
        let model = try TrainableModel(copying: pretrained)
        let trainer = try trainer(model, scheme: "uniform", positions: positions)
        #expect(trainer.sequences.count == 3)
        let pass = try InferencePass(pretrained, contextLength: 30)
        let losses = try trainer.sequences.documents.flatMap { try pass.losses($0.tokens) }
        let metrics = try trainer.step()
        #expect(losses.count == 94 && metrics.tokens == 100)
        let mean = losses.reduce(0.0) { $0 + Double($1) } / 94
        #expect(abs(metrics.nll - mean) < 1e-6 && abs(metrics.loss - mean) < 1e-6)
        #expect(metrics.weightNonzero == 1)
    }

    /// Windows of a scorer end with their documents, and a score file has the documents as they are alone.
    @Test func scorersSeeTheDocumentsAlone() throws {
        let pretrained = try Pretrained.load(path: fixture("llama")).model
        let model = try TrainableModel(copying: pretrained)
        let own = try OwnScorer(model, context: 12, bosToken: 1)
        let frozen = try ModelScorer(pretrained, context: 12, bosToken: 1)
        let trainer = try trainer(model, scheme: "dense", scorer: own)
        for n in 0..<trainer.sequences.count {
            let sequence = trainer.sequences[n]
            let alone = try sequence.documents.map { try frozen.losses(of: $0.tokens) }
            let expected = Array(alone.joined(separator: [0]))
            #expect(try frozen.losses(of: sequence, long: []) { _ in } == expected)
            let pass = try InferencePass(pretrained, contextLength: 48)
            let long = try Array(sequence.documents.map { try pass.losses($0.tokens) }.joined(separator: [0]))
            var shares: [Double] = []
            #expect(try own.losses(of: sequence, long: long) { shares.append($0) } == expected)
            #expect(shares == shares.sorted() && (shares.last ?? 0) <= 1)
        }
        let metrics = try trainer.step()
        #expect(metrics.weightStandardDeviation > 0.01 && metrics.loss.isFinite)
    }

    @Test func effectiveContextsAreThoseOfTheDocuments() throws {
        let model = try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
        _ = try trainer(model, scheme: "exact:tau=16")
        // No document of 30 tokens has a context in a bucket from 32 on, though the sequences have 48.
        let error = lensError { _ = try trainer(model, scheme: "exact:tau=32") }
        #expect(error?.message.contains("30 tokens") ?? false)
    }

    @Test func positionsThatSkip() throws {
        let policy = try PositionPolicy.parse("pose:chunks=3,target=1k", contextLength: 48)
        #expect(policy == .skipping(chunks: 3, target: 1024) && policy.reach(contextLength: 48) == 1024)
        #expect(policy.description == "pose:chunks=3,target=1024")
        let model = try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
        func curve(_ seed: UInt64) throws -> [Double] {
            let model = try TrainableModel(copying: model.freezeCopy())
            let sequences = try TrainingSequences(
                documents: documents(), encoder: DocumentEncoder(FixtureTokens()), length: 24)
            let trainer = try Trainer(
                model, sequences: sequences, recompute: .fastest,
                settings: Trainer.Settings(
                    scheme: WeightingScheme("uniform"), accumulate: 2,
                    schedule: LearningRateSchedule(shape: .constant, peak: 1e-3, warmup: 0, steps: 4),
                    optimizer: AdamW(), seed: seed, shuffle: false, positions: policy))
            return try (0..<3).map { _ in try trainer.step().loss }
        }
        let first = try curve(1)
        #expect(try curve(1) == first && curve(2) != first)
    }

    @Test func wrongPositions() throws {
        for (spec, part) in [
            ("pose", "target"), ("pose:target=48", "above"), ("pose:target=1k,chunks=1", "chunks"),
            ("pose:target=1k,chunks=49", "chunks"), ("poes:target=1k", "pose"), ("pose:target=1k,chunk=2", "chunk"),
        ] {
            let error = lensError { _ = try PositionPolicy.parse(spec, contextLength: 48) }
            #expect(error?.kind == .usage && error?.message.contains(part) ?? false, "\(spec)")
        }
        func settings(_ values: [SettingKey: String]) -> String {
            lensError { _ = try TrainingSettings(options(values)) }?.message ?? ""
        }
        #expect(settings([.packPositions: "run-on"]).contains("--pack"))
        #expect(settings([.pack: "true", .packPositions: "runon"]).contains("run-on"))
        #expect(settings([.pack: "true", .positions: "pose:target=64k"]).contains("--pack"))
        let read = try TrainingSettings(options([.pack: "true", .packPositions: "run-on"]))
        #expect(read.pack && read.positions == .runOn)
        let skipping = try TrainingSettings(options([.positions: "pose:target=64k"]))
        #expect(skipping.positions == .skipping(chunks: 2, target: 65_536) && skipping.reach == 65_536)
        let model = try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
        #expect(throws: LensError.self) {
            try trainer(model, scheme: "uniform", positions: .skipping(chunks: 2, target: 64))
        }
    }
}

extension TrainingSequences {
    fileprivate var documents: [TokenSequence] { (0..<count).flatMap { self[$0].documents } }
}

extension TrainableModel {
    fileprivate func freezeCopy() throws -> LanguageModel { try LanguageModel(copying: self) }
}
