import LensFormats
import LensScoring
import LensSupport
import LensTraining
import Testing

/// Options as a command line would give them.
func options(_ values: [SettingKey: String] = [:]) -> SettingsLayer {
    var layer = SettingsLayer()
    layer.set(.model, "m.gguf")
    layer.set(.data, ["a.txt", "b.jsonl"])
    layer.set(.output, "out")
    layer.set(.context, "8k")
    layer.set(.scheme, "dense:lambda=0.75")
    for (key, value) in values { layer.set(key, value) }
    return layer
}

/// The error that `body` throws.
func lensError(_ body: () throws -> Void) -> LensError? {
    do { try body() } catch { return error as? LensError }
    return nil
}

@Suite struct SettingsTests {
    @Test func defaultsAreThePapers() throws {
        let settings = try TrainingSettings(options())
        #expect(settings.contextLength == 8192)
        #expect(settings.data == ["a.txt", "b.jsonl"])
        #expect(settings.learningRate == 2e-5 && settings.warmup == 20 && settings.schedule == .constant)
        #expect(settings.beta1 == 0.9 && settings.beta2 == 0.95 && settings.epsilon == 1e-8)
        #expect(settings.weightDecay == 0.01 && settings.clip == 1)
        #expect(settings.steps == nil && settings.scorer == nil && settings.memoryLimit == nil)
        #expect(WindowPlan.defaultScorerContext(length: 32768, trainedFor: 8192) == 8192)
        #expect(WindowPlan.defaultScorerContext(length: 8192, trainedFor: 8192) == 2048)
    }

    @Test func everyKeyIsReadAndWritten() throws {
        let given: [SettingKey: String] = [
            .model: "m.gguf", .tokenizer: "t.bin", .bos: "never", .eos: "always", .special: "true", .output: "out",
            .context: "8192", .pack: "true", .packPositions: "run-on",
            .scheme: "longce:gamma=5", .scorer: "self", .scorerContext: "2048", .scorerStride: "1024",
            .ropeTheta: "500000.0", .ropeScaling: "yarn:factor=4", .steps: "7", .accumulate: "3",
            .learningRate: "0.001", .warmup: "5", .schedule: "cosine", .weightDecay: "0.1", .beta1: "0.8",
            .beta2: "0.9", .epsilon: "1e-06", .clip: "0.5", .seed: "18446744073709551615", .shuffle: "false",
            .saveEvery: "4", .keep: "9", .memoryLimit: "1073741824", .spillFolder: "/disk",
            .layerInputs: "bf16", .export: "gguf", .threads: "2",
        ]
        let written = try TrainingSettings(options(given)).entries
        for (key, values) in written where key != .data { #expect(values == [given[key]], "\(key)") }
        #expect(Set(written.map(\.key)) == Set(SettingKey.allCases).subtracting([.resume, .positions]))
        #expect(try TrainingSettings(options([.resume: "true"])).resume)
    }

    @Test(arguments: [
        (SettingKey.context, "0"), (.context, "1"), (.context, "9007199254740993k"), (.context, "many"), (.steps, "0"),
        (.accumulate, "-1"), (.learningRate, "0"), (.learningRate, "nan"), (.learningRate, "inf"), (.warmup, "-1"),
        (.schedule, "step"), (.beta1, "1"), (.beta2, "-0.1"), (.epsilon, "0"), (.clip, "-1"), (.seed, "-1"),
        (.shuffle, "yes"), (.saveEvery, "0"), (.keep, "0"), (.memoryLimit, "8 bananas"), (.memoryLimit, "0"),
        (.ropeTheta, "1"), (.ropeScaling, "yarn"), (.scorerContext, "16k"), (.model, ""), (.export, "onnx"),
        (.pack, "yes"), (.packPositions, "run-on"), (.positions, "pose"),
        (.spillFolder, ""), (.layerInputs, "f16"),
    ])
    func wrongValuesNameTheirOption(key: SettingKey, value: String) {
        let error = lensError { _ = try TrainingSettings(options([key: value])) }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("--\(key.rawValue)") == true, "\(error?.message ?? "no error")")
    }

    @Test func missingSettingsAreNamed() {
        var layer = SettingsLayer()
        layer.set(.model, "m")
        #expect(lensError { _ = try TrainingSettings(layer) }?.message.contains("--data") == true)
    }

    @Test func amountsOfMemory() {
        #expect(
            parseByteCount("8GiB") == 8 << 30 && parseByteCount("8G") == 8 << 30 && parseByteCount("1.5 MiB") == 3 << 19
        )
        #expect(parseByteCount("2GB") == 2_000_000_000 && parseByteCount("4096") == 4096)
        #expect(parseByteCount("") == nil && parseByteCount("-1") == nil && parseByteCount("9e99") == nil)
        #expect(parseByteCount("99999999999999 TiB") == nil && parseByteCount("1.2.3") == nil)
        #expect(parseTokenCount("32k") == 32768 && parseTokenCount("k") == nil)
        #expect(describeByteCount(1536) == "1.5 KiB" && describeByteCount(12) == "12 bytes")
    }
}

@Suite struct RopeOptionTests {
    @Test func types() throws {
        #expect(try RopeOption.parse("none", contextLength: 64) == .none)
        #expect(try RopeOption.parse("linear:factor=2", contextLength: 64) == .linear(factor: 2))
        #expect(try RopeOption.parse("dynamic:factor=4", contextLength: 64) == .dynamic(factor: 4))
        var yarn = YarnScaling(factor: 4, originalContextLength: 2048)
        yarn.betaFast = 16
        yarn.truncate = false
        #expect(
            try RopeOption.parse(
                "yarn:factor=4,beta-fast=16,truncate=false,original_max_position_embeddings=2k", contextLength: 64)
                == .yarn(yarn))
        #expect(
            try RopeOption.parse("llama3:factor=8", contextLength: 64, trainedFor: 32)
                == .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 32))
    }

    @Test(arguments: [
        "linear", "linear:factor=0.5", "linear:factor=2,factor=3", "linear:factor=2,beta_fast=1", "yarn:factor=x",
        "linear:factor", "spline:factor=2", "none:factor=2", "longrope", "yarn:factor=2,truncate=1", "linear:,",
    ])
    func mistakesAreErrors(spec: String) {
        let error = lensError { _ = try RopeOption.parse(spec, contextLength: 64) }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("--rope-scaling") == true)
    }

    @Test(arguments: [
        ("yarn:facto=2", "Did you mean factor?"), ("yarn:factor=2,beta_fats=3", "Did you mean beta_fast?"),
        ("yarm:factor=2", "Did you mean yarn?"),
    ])
    func mistakesAreAnsweredWithTheNearest(spec: String, hint: String) {
        let error = lensError { _ = try RopeOption.parse(spec, contextLength: 64) }
        #expect(error?.message.contains(hint) == true)
    }

    private var configuration: ModelConfiguration {
        ModelConfiguration(
            vocabularySize: 64, hiddenSize: 32, feedForwardSize: 64, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
            headDimension: 8, contextLength: 128)
    }

    /// What `inspect` says of a scaling is what the option takes.
    @Test(arguments: [
        "none", "linear:factor=2", "dynamic:factor=1.5", "yarn:factor=4,original_max_position_embeddings=8192",
        "yarn:factor=2,original_max_position_embeddings=64,beta_fast=16,attention_factor=1.25,truncate=false",
        "llama3:factor=8,original_max_position_embeddings=8192,low_freq_factor=1,high_freq_factor=4",
    ]) func isSpelledAsItIsRead(spec: String) throws {
        #expect(try RopeOption.parse(spec, contextLength: 64).spelling == spec)
    }

    @Test func extensionRaisesTheSavedContext() throws {
        var changed = configuration
        try ContextExtension(contextLength: 512, ropeTheta: 5e5, ropeScaling: "yarn:factor=4").apply(to: &changed)
        #expect(changed.contextLength == 512 && changed.ropeTheta == 5e5)
        #expect(changed.ropeScaling == .yarn(YarnScaling(factor: 4, originalContextLength: 128)))
        var shorter = configuration
        try ContextExtension(contextLength: 64).apply(to: &shorter)
        #expect(shorter == configuration)
        // Dynamic scaling counts from the context length that the model had.
        var dynamic = configuration
        try ContextExtension(contextLength: 512, ropeScaling: "dynamic:factor=2").apply(to: &dynamic)
        #expect(dynamic.contextLength == 128)
    }

    @Test func fixedFactorsAreNotCarriedAlongSilently() throws {
        var factors = configuration
        factors.ropeFrequencyFactors = [1, 2, 3, 4]
        var changed = factors
        #expect(
            lensError { try ContextExtension(contextLength: 256, ropeTheta: 1e6).apply(to: &changed) }?.kind == .usage)
        changed = factors
        try ContextExtension(contextLength: 256, ropeTheta: 1e6, ropeScaling: "none").apply(to: &changed)
        #expect(changed.ropeFrequencyFactors == nil && changed.ropeTheta == 1e6)
    }

    @Test func unmentionedExtrapolationIsWarnedOf() throws {
        #expect(try ContextExtension(contextLength: 256).warning(for: configuration) != nil)
        #expect(try ContextExtension(contextLength: 128).warning(for: configuration) == nil)
        #expect(try ContextExtension(contextLength: 256, ropeTheta: 1e6).warning(for: configuration) == nil)
        for (scaling, reach) in [
            ("none", "128 that"), ("linear:factor=2", nil), ("linear:factor=1.5", "192 to"), ("yarn:factor=2", nil),
            ("yarn:factor=2,original_max_position_embeddings=64", "128 to"), ("llama3:factor=1", "128 to"),
            ("dynamic:factor=4", nil),
        ] as [(String, String?)] {
            let warning = try ContextExtension(contextLength: 256, ropeScaling: scaling).warning(for: configuration)
            #expect(reach.map { warning?.contains("past the \($0)") == true } ?? (warning == nil), "\(scaling)")
        }
    }
}
