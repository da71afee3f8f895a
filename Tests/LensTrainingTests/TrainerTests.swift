import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensTraining
import LensWeighting
import Testing

/// The final weights of a run, bit for bit.
private func weights(_ settings: TrainingSettings, step: Int = 6) -> [UInt8] {
    contents("\(settings.output)/checkpoints/step-\(step)/model.safetensors")
}

@Suite struct TrainerTests {
    @Test func lambdaOneIsPlainCrossEntropyBitForBit() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var dense = try shortRun(folder, output: "dense")
        dense.scheme = "dense:lambda=1"
        var sparse = dense
        (sparse.scheme, sparse.output) = ("sparse:kappa=1", folder + "/sparse")
        var uniform = dense
        (uniform.scheme, uniform.output, uniform.scorerContext) = ("uniform", folder + "/uniform", nil)
        var weighted = dense
        (weighted.scheme, weighted.output) = ("dense:lambda=0.5", folder + "/weighted")
        for settings in [dense, sparse, uniform, weighted] { #expect(train(settings).error == nil) }
        #expect(weights(dense) == weights(uniform) && weights(sparse) == weights(uniform))
        #expect(weights(weighted) != weights(uniform))
        #expect(
            try MetricsLine.read(dense.output).allSatisfy {
                $0.loss == $0.nll && $0.weight_std == 0 && $0.weight_nonzero == 1
            })
    }

    @Test func documentsShorterThanTheContextAreNamedWhenLeftOut() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let sequence = try ReferenceCurve.load("llama").sequences[0]
        var settings = try shortRun(folder, output: "out")
        settings.data = [try writeDocuments([sequence, Array(sequence.prefix(20))], in: folder, name: "mixed.jsonl")]
        let (recorder, error) = train(settings)
        #expect(error == nil)
        #expect(recorder.warnings.count == 1 && recorder.warnings[0].hasPrefix("1 of 2 documents"))
    }

    /// Four copies of a sequence in one update are that sequence once.
    @Test func anUpdateIsTheMeanOfItsSequences() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let sequence = try ReferenceCurve.load("llama").sequences[0]
        var once = try shortRun(folder, output: "once")
        once.data = [try writeDocuments([sequence], in: folder, name: "once.jsonl")]
        (once.accumulate, once.steps, once.scheme, once.scorerContext) = (1, 5, "exact:tau=8", nil)
        var four = once
        four.data = [try writeDocuments([sequence, sequence, sequence, sequence], in: folder, name: "four.jsonl")]
        (four.accumulate, four.output) = (4, folder + "/four")
        #expect(train(once).error == nil && train(four).error == nil)
        for (a, b) in zip(try MetricsLine.read(once.output), try MetricsLine.read(four.output)) {
            #expect(abs(a.loss - b.loss) < 1e-5 * a.loss && abs(a.grad_norm - b.grad_norm) < 1e-4 * a.grad_norm)
            #expect(b.tokens == 4 * a.tokens && a.tokens == 48)
        }
    }

    /// A frozen model, a score file of its losses: the same weights. The trained model itself: others.
    @Test func aFrozenModelAndItsScoreFileAgree() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var own = try shortRun(folder, output: "own")
        (own.scorerContext, own.scorerStride) = (16, 8)
        var frozen = own
        (frozen.scorer, frozen.output) = (fixture("llama"), folder + "/frozen")
        var file = frozen
        file.output = folder + "/file"
        file.scorer = try writeScores(
            ReferenceCurve.load("llama").sequences, model: fixture("llama"), to: folder + "/scores.jsonl")
        (file.scorerContext, file.scorerStride) = (nil, nil)
        for settings in [own, frozen, file] { #expect(train(settings).error == nil) }
        #expect(weights(frozen) == weights(file))
        #expect(weights(frozen) != weights(own))
        // At the first update both score with the same weights, but for tokens of the first window: there the trained
        // model's score is exactly 0, and that of a model like it is 0 up to rounding.
        let first = try (MetricsLine.read(own.output)[0], MetricsLine.read(frozen.output)[0])
        #expect(abs(first.0.loss - first.1.loss) < 1e-4)
    }

    /// A quantized scorer is computed with as it is: the weights are those of a score file that int8 products gave.
    @Test func aQuantizedScorerScoresWithItsIntegers() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let quantized = folder + "/scorer.gguf"
        try Pretrained.load(path: fixture("llama")).saveGGUF(to: quantized, type: .q8_0)
        var settings = try shortRun(folder, output: "model")
        (settings.scorer, settings.scorerContext, settings.scorerStride) = (quantized, 16, 8)
        #expect(train(settings).error == nil)
        func weightsOfScores(_ compute: Compute) throws -> [UInt8] {
            var file = settings
            file.output = folder + "/file \(compute)"
            file.scorer = try writeScores(
                ReferenceCurve.load("llama").sequences, model: quantized, compute, to: folder + "/\(compute).jsonl")
            (file.scorerContext, file.scorerStride) = (nil, nil)
            #expect(train(file).error == nil)
            return weights(file)
        }
        #expect(try weightsOfScores(.int8) == weights(settings))
        #expect(try weightsOfScores(.f32) != weights(settings))
    }

    private func writeScores(
        _ sequences: [[Int32]], model path: String, _ compute: Compute = .f32, to file: String
    ) throws -> String {
        let model = try Pretrained.load(path: path, compute: compute).model
        let pass = try InferencePass(model, contextLength: 16)
        var text = ""
        for (index, tokens) in sequences.enumerated() {
            var nll: [Float] = []
            for start in stride(from: 0, through: 32, by: 8) {
                var window = Array(tokens[start..<start + 16])
                if tokens[0] == 1 { window[0] = 1 }
                let losses = try pass.losses(window)
                nll += start == 0 ? losses : Array(losses.suffix(8))
            }
            text += "{\"document\": \"doc\(index)\", \"sequence\": 0, \"tokens\": \(tokens), \"nll\": \(nll)}\n"
        }
        try writeBytes(Array(text.utf8), file)
        return file
    }

    @Test func theOrderDependsOnTheSeedAlone() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "a")
        settings.scheme = "uniform"
        settings.scorerContext = nil
        var same = settings
        same.output = folder + "/b"
        var other = settings
        (other.output, other.seed) = (folder + "/c", 4)
        for settings in [settings, same, other] { #expect(train(settings).error == nil) }
        #expect(weights(settings) == weights(same) && weights(settings) != weights(other))
    }

    @Test func aDivergingRunStopsAndSaysWhere() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        settings.saveEvery = 1
        settings.warmup = 0
        settings.learningRate = 1e25
        let (recorder, error) = train(settings)
        #expect(error?.kind == .data)
        #expect(error?.message.contains("at step 2, document doc") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("sequence 0") == true)
        #expect(recorder.steps.map(\.step) == [1] && recorder.saved == [1])
        #expect(names(settings.output + "/checkpoints") == ["step-1"] && recorder.models.isEmpty)
        // Steps so large that the weights themselves overflow are not saved as a good state.
        var worse = settings
        (worse.output, worse.learningRate) = (folder + "/worse", 1e39)
        let end = train(worse)
        #expect(end.error?.message.contains("is not finite, so no checkpoint") == true && end.recorder.saved.isEmpty)
    }

    @Test func mistakesAreFoundBeforeTheFirstUpdate() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        func error(_ change: (inout TrainingSettings) -> Void) throws -> LensError? {
            var settings = try shortRun(folder, output: "out")
            change(&settings)
            let (recorder, error) = train(settings)
            #expect(recorder.steps.isEmpty)
            remove(settings.output)
            return error
        }
        #expect(try error { $0.scheme = "uniform" }?.message.contains("--scorer-context is given") == true)
        #expect(
            try error { ($0.scheme, $0.scorer) = ("exact:tau=8", "self") }?.message.contains("--scorer is given")
                == true)
        #expect(try error { $0.scheme = "dens" }?.kind == .usage)
        #expect(try error { $0.scorer = folder + "/nowhere" }?.kind == .missing)
        #expect(try error { $0.model = folder + "/nowhere" }?.kind == .missing)
        #expect(try error { $0.data = [folder + "/nowhere.txt"] }?.kind == .missing)
        #expect(try error { $0.contextLength = 49 }?.kind == .data)
        #expect(try error { $0.scorerContext = 48 }?.message.contains("covers a whole sequence") == true)
        #expect(try error { $0.scorer = fixture("qwen3") }?.message.contains("vocabulary") == true)
        #expect(try error { $0.memoryLimit = 1 << 16 }?.kind == .machine)
        #expect(try error { $0.scheme = "pipeline" }?.message.contains("negative weights") == true)
        #expect(try error { $0.scheme = "rho" }?.message.contains("no meaning with the scorer self") == true)
    }

    @Test func theRecipeOfARunGivesTheRunAgain() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try shortRun(folder, output: "out")
        #expect(train(settings).error == nil)
        var again = SettingsLayer()
        again.set(.output, folder + "/again")
        let effective = try TrainingSettings(recipe: settings.output + "/recipe.yaml", options: again)
        #expect(effective.scorer == "self" && effective.scorerStride != nil)
        #expect(train(effective).error == nil)
        #expect(weights(settings) == weights(effective))
    }

    @Test func theSavedModelLoadsAndStatesItsContext() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        (settings.steps, settings.ropeTheta, settings.export) = (2, 80_000, .gguf)
        let sequences = try ReferenceCurve.load("llama").sequences
        settings.data = [try writeDocuments([sequences[0] + sequences[1]], in: folder, name: "long.jsonl")]
        settings.contextLength = 80
        #expect(train(settings).error == nil)
        let model = try Pretrained.load(path: settings.output + "/model").model
        #expect(model.configuration.contextLength == 80 && model.configuration.ropeTheta == 80_000)
        let gguf = try Pretrained.load(path: settings.output + "/model.gguf").model
        func values(_ model: LanguageModel) throws -> [Float] {
            try TrainableModel(copying: model).parameters.all.array
        }
        #expect(try values(gguf) == values(model))
    }

    @Test func theNumberOfThreadsChangesNoBit() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var results: [[UInt8]] = []
        for threads in [1, 2, 3] {
            let settings = try shortRun(folder, output: "threads\(threads)")
            #expect(train(settings, on: try Runtime(threads: threads)).error == nil)
            results.append(contents("\(settings.output)/checkpoints/step-6/model.safetensors"))
        }
        #expect(results[0].count > 70_000 && results[1] == results[0] && results[2] == results[0])
    }

    @Test func nothingIsAllocatedAfterTheFirstUpdate() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let model = try TrainableModel(copying: Pretrained.load(path: fixture("llama")).model)
        let path = try writeDocuments(ReferenceCurve.load("llama").sequences, in: folder)
        let encoder = try DocumentEncoder(FixtureTokens())
        let sequences = try TrainingSequences(DocumentReader(paths: [path]), encoder: encoder, length: 48)
        let scorer = try OwnScorer(model, context: 16, bosToken: 1)
        let trainer = try Trainer(
            model, sequences: sequences, scorer: scorer, recompute: .all(.attention),
            settings: Trainer.Settings(
                scheme: WeightingScheme("dense"), accumulate: 2,
                schedule: LearningRateSchedule(shape: .constant, peak: 1e-3, warmup: 0, steps: 4),
                optimizer: AdamW(),
                seed: 1, shuffle: true))
        _ = try trainer.step()
        let count = AlignedBuffer.allocationCount
        for _ in 0..<3 { _ = try trainer.step() }
        #expect(AlignedBuffer.allocationCount == count)
    }
}

/// The llama fixture has no tokenizer, and its documents are token ids.
struct FixtureTokens: TextEncoding {
    let vocabularySize = 67
    let bosToken: Int32? = 1
    let eosToken: Int32? = nil
    func encode(_ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool) throws(LensError) -> [Int32] { [] }
    func specialTexts(in text: [UInt8]) -> [Int32: Int] { [:] }
    func bytes(of token: Int32) -> [UInt8]? { nil }
}
