import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

/// Written by us and read again, in every format that can hold the model.
@Suite struct ModelRoundTripTests {
    static let configurations: [ModelConfiguration] = {
        var list: [ModelConfiguration] = []
        for family in ModelConfiguration.Family.allCases {
            list += [smallConfiguration(family), smallConfiguration(family, tied: true)]
        }
        var biased = smallConfiguration()
        biased.attentionBias = true
        biased.attentionOutputBias = true
        biased.feedForwardBias = true
        biased.headDimension = 24
        biased.normEpsilon = 1e-6
        list.append(biased)
        // Rows of whole K blocks, in layers that the mixes treat differently, and some that are not.
        var wide = smallConfiguration(tied: true)
        wide.hiddenSize = 256
        wide.headDimension = 64
        wide.layerCount = 5
        list.append(wide)
        wide.feedForwardSize = 512
        wide.tiedEmbeddings = false
        list.append(wide)
        var yarn = YarnScaling(factor: 4, originalContextLength: 64)
        yarn.attentionFactor = 1.25
        yarn.betaFast = 16
        let factors = (0..<8).map { 1 + Double($0) / 8 }
        for scaling: RopeScaling in [
            .linear(factor: 2), .yarn(yarn), .yarn(YarnScaling(factor: 2, originalContextLength: 128)),
            .llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192),
            .longrope(
                shortFactors: factors, longFactors: factors.map { $0 * 2 }, factor: 4, attentionFactor: 1.5,
                originalContextLength: 64),
        ] {
            var scaled = smallConfiguration()
            scaled.ropeTheta = 500_000
            scaled.ropeScaling = scaling
            list.append(scaled)
        }
        return list
    }()

    @Test(arguments: configurations.indices, [TensorType.f32, .bf16, .f16])
    func huggingFace(_ index: Int, _ type: TensorType) throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(ModelRoundTripTests.configurations[index])
        let extra = [ExtraFile(name: "tokenizer.json", bytes: Array("{}".utf8))]
        try unsafe writeHuggingFace(
            to: folder.file("m"), configuration: model.configuration, type: type, extraFiles: extra,
            shardLimit: index.isMultiple(of: 2) ? 50_000 : .max, parameters: model.read)
        let again = try openModel(path: folder.file("m"))
        #expect(again.configuration == model.configuration)
        try expectSame(again, model, type: { _ in type })
        guard case .huggingFace(let tokenizer, nil, _) = again.tokenizer else {
            Issue.record("a tokenizer.json was expected")
            return
        }
        #expect(tokenizer == Array("{}".utf8))
        #expect(TemporaryFolder.names(folder.file("m")).contains("model.safetensors") == !index.isMultiple(of: 2))
        #expect(TemporaryFolder.names(folder.path) == ["m"])
    }

    /// What a disk must have room for is what the file then takes, but for what stands beside the weights.
    @Test(arguments: configurations.indices, [GGUFFileType.f32, .f16, .q8_0, .q4_K_M])
    func sizeKnownBefore(_ index: Int, _ type: GGUFFileType) throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(ModelRoundTripTests.configurations[index])
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: model.configuration, type: type, name: "m", parameters: model.read
        )
        let beside =
            (FileStatus(folder.file("m.gguf"))?.byteCount ?? 0)
            - type.byteCount(of: model.configuration)
        #expect((0..<16_384).contains(beside))
        // Folders hold no blocks.
        guard !type.isQuantized else { return }
        try unsafe writeHuggingFace(
            to: folder.file("m"), configuration: model.configuration, type: type.most, parameters: model.read)
        let header =
            (FileStatus(folder.file("m/model.safetensors"))?.byteCount ?? 0)
            - type.most.byteCount(of: model.configuration)
        #expect((0..<16_384).contains(header))
    }

    @Test(arguments: configurations.indices, GGUFFileType.allCases)
    func gguf(_ index: Int, _ type: GGUFFileType) throws {
        let folder = try TemporaryFolder()
        let configuration = ModelRoundTripTests.configurations[index]
        let model = RandomModel(configuration)
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: configuration, type: type, name: "test", parameters: model.read)
        let again = try openModel(path: folder.file("m.gguf"))
        // fp32 metadata: only 1.25 / (0.1 ln 4 + 1) is not exact.
        var found = again.configuration
        if case .yarn(var yarn) = found.ropeScaling, let factor = yarn.attentionFactor {
            #expect(abs(factor - 1.25) < 1e-6)
            yarn.attentionFactor = 1.25
            found.ropeScaling = .yarn(yarn)
        }
        // The factor of longrope is left out, and its effect on attention always stated.
        if case .longrope(let short, let long, nil, let attention, let original) = found.ropeScaling {
            found.ropeScaling = .longrope(
                shortFactors: short, longFactors: long, factor: 4, attentionFactor: attention,
                originalContextLength: original)
            let metadata = try GGUFFile(path: folder.file("m.gguf")).metadata
            #expect(metadata["llama.rope.scaling.factor"] == nil)
        }
        #expect(found == configuration)
        #expect(again.tokenizer == nil)
        try expectSame(again, model) { type.type(of: $0, in: configuration) }
    }

    /// Each parameter has the wanted type, and is what quantizing and dequantizing its rows gives.
    private func expectSame(
        _ source: any ModelSource, _ model: RandomModel, type: (ParameterDescription) -> TensorType
    ) throws {
        for parameter in model.configuration.parameters {
            let type = type(parameter)
            #expect(try source.type(of: parameter.name) == type, "\(parameter.name)")
            var expected = try #require(model.parameters[parameter.name])
            var bytes = [UInt8](repeating: 0, count: try #require(type.byteCount(of: expected.count)))
            unsafe expected.withUnsafeMutableBufferPointer { elements in
                unsafe bytes.withUnsafeMutableBytes { bytes in
                    unsafe type.quantize(UnsafeBufferPointer(elements), into: bytes)
                    unsafe type.dequantize(UnsafeRawBufferPointer(bytes), into: elements)
                }
            }
            #expect(try read(source, parameter) == expected, "\(parameter.name)")
        }
    }

    @Test func typeRule() {
        func type(_ name: String, _ shape: [Int], _ requested: GGUFFileType, tied: Bool) -> TensorType {
            requested.type(
                of: ParameterDescription(name: name, shape: shape), in: smallConfiguration(tied: tied))
        }
        #expect(type("model.norm.weight", [64], .q4_0, tied: false) == .f32)
        #expect(type("model.layers.0.mlp.up_proj.weight", [9, 64], .q4_0, tied: false) == .q4_0)
        #expect(type("model.layers.0.mlp.up_proj.weight", [64, 40], .q4_0, tied: false) == .f16)
        #expect(type("model.embed_tokens.weight", [9, 64], .q4_0, tied: false) == .q4_0)
        #expect(type("model.embed_tokens.weight", [9, 64], .q4_0, tied: true) == .q8_0)
        #expect(type("lm_head.weight", [9, 64], .q5_1, tied: false) == .q8_0)
        #expect(type("lm_head.weight", [9, 64], .bf16, tied: false) == .bf16)
    }

    @Test(arguments: [true, false])
    func llama2c(_ tied: Bool) throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration(tied: tied))
        try unsafe writeLlama2C(to: folder.file("m.bin"), configuration: model.configuration, parameters: model.read)
        let again = try openModel(path: folder.file("m.bin"))
        #expect(again.configuration == model.configuration)
        #expect(try readAll(again) == model.parameters)
    }

    @Test func refusesWhatAFormatCannotExpress() throws {
        let folder = try TemporaryFolder()
        func refused(
            _ part: String, _ change: (inout ModelConfiguration) -> Void, _ write: (RandomModel) throws -> Void
        ) {
            var configuration = smallConfiguration()
            change(&configuration)
            let text = message(.data) { try write(RandomModel(configuration)) }
            #expect(text.contains(part), "\(text)")
        }
        func llama2c(_ model: RandomModel) throws {
            try unsafe writeLlama2C(to: folder.file("x"), configuration: model.configuration, parameters: model.read)
        }
        func gguf(_ model: RandomModel) throws {
            try unsafe writeGGUF(
                to: folder.file("x"), configuration: model.configuration, type: .f32, name: "", parameters: model.read)
        }
        func huggingFace(_ model: RandomModel) throws {
            try unsafe writeHuggingFace(
                to: folder.file("x"), configuration: model.configuration, type: .f32, parameters: model.read)
        }
        refused("base", { $0.ropeTheta = 5 }, llama2c)
        refused("epsilon", { $0.normEpsilon = 1e-6 }, llama2c)
        refused("biases", { $0.feedForwardBias = true }, llama2c)
        refused("scaling", { $0.ropeScaling = .linear(factor: 2) }, llama2c)
        refused("qwen3", { $0 = smallConfiguration(.qwen3) }, llama2c)
        refused("heads", { $0.headDimension = 8 }, llama2c)
        refused("dynamic", { $0.ropeScaling = .dynamic(factor: 2) }, gguf)
        refused(
            "truncation",
            {
                var yarn = YarnScaling(factor: 2, originalContextLength: 9)
                yarn.truncate = false
                $0.ropeScaling = .yarn(yarn)
            }, gguf)
        refused("biases", { $0.attentionBias = true }, huggingFace)
        refused("norms", { $0.queryKeyNorm = true }, huggingFace)
        refused("vocabulary", { $0.vocabularySize = 0 }, huggingFace)
        #expect(TemporaryFolder.names(folder.path) == [])
        _ = message(.usage) {
            let model = RandomModel(smallConfiguration())
            try unsafe writeHuggingFace(
                to: folder.file("x"), configuration: model.configuration, type: .q8_0, parameters: model.read)
        }
    }

    /// llama.cpp's converter stores Llama 3's scaling as divisors; others than Llama 3's are kept as they are.
    @Test func frequencyFactors() throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration()
        configuration.ropeFrequencyFactors = [1, 1, 1.5, 2, 3, 3, 3, 3]
        let model = RandomModel(configuration)
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: configuration, type: .f32, name: "", parameters: model.read)
        let again = try openModel(path: folder.file("m.gguf"))
        #expect(again.configuration == configuration)
        // Hugging Face expresses divisors as longrope.
        try unsafe writeHuggingFace(
            to: folder.file("m"), configuration: again.configuration, type: .f32, parameters: again.read)
        let factors = [1, 1, 1.5, 2, 3, 3, 3, 3]
        #expect(
            try openModel(path: folder.file("m")).configuration.ropeScaling
                == .longrope(
                    shortFactors: factors, longFactors: factors, factor: 1, attentionFactor: 1,
                    originalContextLength: 256))
    }

    /// Values of convert_hf_to_gguf.py's formula, by hand in double precision: head 8, theta 500000, factor 8.
    @Test func llama3Divisors() throws {
        let folder = try TemporaryFolder()
        var configuration = smallConfiguration()
        configuration.headCount = 8
        configuration.headDimension = 8
        configuration.ropeTheta = 500_000
        configuration.ropeScaling = .llama3(
            factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 512)
        let model = RandomModel(configuration)
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: configuration, type: .f32, name: "", parameters: model.read)
        let file = try GGUFFile(path: folder.file("m.gguf"))
        let divisors = try file.floats(of: #require(file.tensor("rope_freqs.weight")))
        // Wave lengths 2π·500000^(i/4) = 6.28, 167.1, 4443, 118142; kept below 128, divided past 512.
        let smooth: Double = (512 / 167.0801 - 1) / 3
        #expect(divisors[0] == 1 && divisors[2] == 8 && divisors[3] == 8)
        #expect(abs(Double(divisors[1]) - 1 / ((1 - smooth) / 8 + smooth)) < 1e-4)
    }

    @Test func padsTokens() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        var tokenizer = GGUFMetadata()
        tokenizer["tokenizer.ggml.model"] = .string(Array("gpt2".utf8))
        tokenizer["tokenizer.ggml.tokens"] = .strings((0..<38).map { [UInt8($0)] })
        tokenizer["tokenizer.ggml.token_type"] = .int32s([Int32](repeating: 1, count: 38))
        tokenizer["general.name"] = .string([1])
        let path = folder.file("m.gguf")
        func write(_ tokenizer: GGUFMetadata) throws {
            try unsafe writeGGUF(
                to: path, configuration: model.configuration, type: .f32, tokenizer: tokenizer, name: "n",
                parameters: model.read)
        }
        try write(tokenizer)
        let metadata = try GGUFFile(path: path).metadata
        #expect(metadata.strings("tokenizer.ggml.tokens")?.count == 40)
        #expect(metadata.strings("tokenizer.ggml.tokens")?.last == Array("[PAD39]".utf8))
        #expect(metadata.integers("tokenizer.ggml.token_type")?.suffix(3) == [1, 5, 5])
        #expect(metadata.integer("tokenizer.ggml.eos_token_id") == 2)
        #expect(metadata.string("general.name") == "n")
        tokenizer["tokenizer.ggml.tokens"] = .strings((0..<41).map { [UInt8($0)] })
        #expect(message(.data) { try write(tokenizer) }.contains("41"))
    }

    @Test func refusesNumbersThatATypeCannotHold() throws {
        let folder = try TemporaryFolder()
        let configuration = smallConfiguration()
        for (value, type) in [(Float.nan, GGUFFileType.f32), (.infinity, .bf16), (1e5, .f16), (-1e5, .q4_0)] {
            let text = message(.data) {
                try unsafe writeGGUF(to: folder.file("m"), configuration: configuration, type: type, name: "") {
                    (name, buffer) throws(LensError) in
                    unsafe buffer.update(repeating: 0)
                    if name == "model.layers.1.mlp.up_proj.weight" { unsafe buffer[buffer.count - 1] = value }
                }
            }
            #expect(text.contains("model.layers.1.mlp.up_proj.weight"))
        }
        #expect(TemporaryFolder.names(folder.path) == [])
    }
}
