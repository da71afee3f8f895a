import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a model's files say and nothing changes comes out as it went in.
@Suite struct OriginTests {
    private let metadata: [(String, GGUFValue)] = {
        func text(_ text: String) -> GGUFValue { .string(Array(text.utf8)) }
        return [
            ("general.architecture", text("llama")), ("general.name", text("Small 1.5")),
            ("general.author", text("Me")),
            ("general.license", text("apache-2.0")), ("general.languages", .strings([Array("en".utf8)])),
            ("general.alignment", .uint32(32)), ("general.file_type", .uint32(0)),
            ("quantize.imatrix.file", text("x")), ("general.sampling.temp", .float32(0.6)),
            ("llama.context_length", .uint32(256)), ("llama.embedding_length", .uint32(64)),
            ("llama.block_count", .uint32(2)), ("llama.feed_forward_length", .int32s([96, 96])),
            ("llama.attention.head_count", .uint32(4)), ("llama.attention.head_count_kv", .uint32(2)),
            ("llama.attention.layer_norm_rms_epsilon", .float32(1e-5)), ("llama.unheard_of", .float32(3)),
            ("llama.rope.scaling.type", text("linear")), ("llama.rope.scaling.factor", .float32(2)),
            ("llama.rope.scaling.finetuned", .bool(true)),
            ("tokenizer.ggml.model", text("gpt2")),
            ("tokenizer.ggml.tokens", .strings((0..<38).map { [UInt8($0 + 40)] })),
            ("tokenizer.ggml.token_type", .int32s([Int32](repeating: 9, count: 38))),
            ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.ggml.eos_token_id", .uint32(2)),
            ("tokenizer.ggml.eot_token_id", .uint32(5)), ("tokenizer.ggml.fim_pre_token_id", .uint32(7)),
        ]
    }()

    private func gguf(_ folder: TemporaryFolder) throws -> any ModelSource {
        let model = RandomModel(smallConfiguration())
        try unsafe writeGGUF(
            to: folder.file("plain.gguf"), configuration: model.configuration, type: .f32, name: "m",
            parameters: model.read)
        let file = try GGUFFile(path: folder.file("plain.gguf"))
        let tensors = file.tensors.map { ($0.name, $0.shape, file.floats(of: $0)) }
        return try openModel(path: folder.write("in.gguf", ggufBytes(metadata, tensors)))
    }

    private func write(
        _ source: any ModelSource, _ path: String, _ type: GGUFFileType = .q8_0,
        _ configuration: ModelConfiguration? = nil
    ) throws -> GGUFMetadata {
        let warnings = try unsafe writeGGUF(
            to: path, configuration: configuration ?? source.configuration, type: type,
            name: source.origin.name ?? "none", origin: source.origin, parameters: source.read)
        #expect(warnings.isEmpty)
        return try GGUFFile(path: path).metadata
    }

    @Test func ggufToGGUF() throws {
        let folder = try TemporaryFolder()
        let source = try gguf(folder)
        let found = try write(source, folder.file("out.gguf"))
        for (key, value) in metadata where !["general.file_type", "general.alignment"].contains(key) {
            if key.hasPrefix("quantize.") {
                #expect(found[key] == nil)
            } else if key == "tokenizer.ggml.tokens" {
                // The writer was given no tokenizer, whose padding it would take.
                #expect(found.strings(key)?.count == 38)
            } else {
                #expect(found[key] == value, "\(key)")
            }
        }
        #expect(found.integer("general.file_type") == 7 && found.integer("general.quantization_version") == 2)
        #expect(found["llama.vocab_size"] == nil)
        #expect(try openModel(path: folder.file("out.gguf")).configuration == source.configuration)
    }

    @Test func ggufWithAnotherContext() throws {
        let folder = try TemporaryFolder()
        let source = try gguf(folder)
        var longer = source.configuration
        longer.contextLength = 1024
        longer.ropeTheta = 5e5
        longer.ropeScaling = .yarn(YarnScaling(factor: 4, originalContextLength: 256))
        let found = try write(source, folder.file("out.gguf"), .f32, longer)
        #expect(found.string("llama.rope.scaling.type") == "yarn" && found["llama.rope.scaling.finetuned"] == nil)
        #expect(found["general.quantization_version"] == nil && found.string("general.author") == "Me")
        #expect(try openModel(path: folder.file("out.gguf")).configuration == longer)
    }

    @Test func ggufToFolder() throws {
        let folder = try TemporaryFolder()
        let source = try gguf(folder)
        let warnings = try unsafe writeHuggingFace(
            to: folder.file("m"), configuration: source.configuration, type: .f32, origin: source.origin,
            parameters: source.read)
        #expect(
            warnings.count == 1 && warnings[0].contains("general.license") && warnings[0].contains("general.author"))
        #expect(warnings[0].contains("fim_pre_token_id") && !warnings[0].contains("eot_token_id"))
        func json(_ name: String) throws -> JSONValue {
            try JSONValue.parse(contents(of: folder.file("m/\(name)")), path: name)
        }
        let ends: JSONValue = [2, 5]
        #expect(try json("config.json")["eos_token_id"] == ends)
        #expect(try json("generation_config.json")["eos_token_id"] == ends)
        #expect(try json("generation_config.json")["temperature"] == .number(0.6))
        let again = try openModel(path: folder.file("m"))
        #expect(again.configuration == source.configuration)
        // And back: the ids and the setting have keys.
        let found = try write(again, folder.file("back.gguf"), .f32)
        #expect(found.integer("tokenizer.ggml.eot_token_id") == 5)
        #expect(found["general.sampling.temp"] == .float32(0.6))
    }

    // MARK: Hugging Face

    private let config = """
        {"architectures": ["MistralForCausalLM"], "model_type": "mistral", "vocab_size": 40, "hidden_size": 64,
         "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 256, "rms_norm_eps": 1e-05, "rope_parameters": {"rope_type": "yarn", "factor": 2.0,
         "rope_theta": 20000.0}, "sliding_window": null, "eos_token_id": [2, 3, 4], "bos_token_id": 1,
         "dtype": "bfloat16", "initializer_range": 0.02, "our_own": {"a": [1, 2.5, null]}}
        """
    private let side = [
        "generation_config.json":
            #"{"eos_token_id": [2, 3, 4], "temperature": 0.5, "max_length": 9, "use_cache": true}"#,
        "chat_template.jinja": "{{ messages }}", "LICENSE": "Do.", "special_tokens_map.json": "{}",
        "README.md": "---\nlanguage: en\nlicense: \"mit\"\n---\n", ".hidden.json": "{}", "notes.jsonl": "{}",
        "trainer_state.json": "{}",
    ]

    private func huggingFace(_ folder: TemporaryFolder) throws -> any ModelSource {
        let model = RandomModel(smallConfiguration())
        try unsafe writeHuggingFace(
            to: folder.file("in"), configuration: model.configuration, type: .f32, parameters: model.read)
        _ = try folder.write("in/config.json", config)
        for (name, text) in side { _ = try folder.write("in/\(name)", text) }
        return try openModel(path: folder.file("in"))
    }

    private func members(_ path: String) throws -> [String: JSONValue] {
        let members = try #require(try JSONValue.parse(contents(of: path), path: path).members)
        return Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    }

    @Test func folderToFolder() throws {
        let folder = try TemporaryFolder()
        let source = try huggingFace(folder)
        // Files of an older model in its place do not stay.
        let old = RandomModel(smallConfiguration())
        try unsafe writeHuggingFace(
            to: folder.file("out"), configuration: old.configuration, type: .f32,
            extraFiles: [ExtraFile(name: "tokenizer.model", bytes: [1]), ExtraFile(name: "NOTES", bytes: [2])],
            parameters: old.read)
        let warnings = try unsafe writeHuggingFace(
            to: folder.file("out"), configuration: source.configuration, type: .f32, origin: source.origin,
            parameters: source.read)
        #expect(warnings.isEmpty)
        var expected = try members(folder.file("in/config.json"))
        expected["dtype"] = "float32"
        #expect(try members(folder.file("out/config.json")) == expected)
        let carried = side.keys.filter { ![".hidden.json", "notes.jsonl", "trainer_state.json"].contains($0) }
        #expect(
            TemporaryFolder.names(folder.file("out"))
                == (carried + ["config.json", "model.safetensors", "NOTES"]).sorted())
        for name in carried { #expect(try contents(of: folder.file("out/\(name)")) == Array((side[name] ?? "").utf8)) }
    }

    /// A scaling that does not say its original context takes it from the context: both are written when that changes.
    @Test func folderWithAnotherContext() throws {
        let folder = try TemporaryFolder()
        let source = try huggingFace(folder)
        var longer = source.configuration
        longer.contextLength = 512
        try unsafe writeHuggingFace(
            to: folder.file("out"), configuration: longer, type: .bf16, origin: source.origin, parameters: source.read)
        let found = try members(folder.file("out/config.json"))
        #expect(found["eos_token_id"] == [2, 3, 4] && found["our_own"] != nil && found["dtype"] == "bfloat16")
        #expect(found["rope_parameters"] == nil && found["rope_theta"] == .number(20_000))
        #expect(try openModel(path: folder.file("out")).configuration == longer)
    }

    @Test func folderToGGUF() throws {
        let folder = try TemporaryFolder()
        let source = try huggingFace(folder)
        let path = folder.file("out.gguf")
        let warnings = try unsafe writeGGUF(
            to: path, configuration: source.configuration, type: .f32, name: "n", origin: source.origin,
            parameters: source.read)
        #expect(warnings.count == 1 && warnings[0].contains("LICENSE") && warnings[0].contains("max_length"))
        #expect(!warnings[0].contains("use_cache"))
        let found = try GGUFFile(path: path).metadata
        #expect(found.string("general.license") == "mit" && found.string("tokenizer.chat_template") == "{{ messages }}")
        #expect(found.integer("tokenizer.ggml.eos_token_id") == 2)
        #expect(found.integer("tokenizer.ggml.eot_token_id") == 3 && found.integer("tokenizer.ggml.eom_token_id") == 4)
        #expect(found["general.sampling.temp"] == .float32(0.5))
    }

    /// Files that go with the tokenizer are of no use beside another one.
    @Test func anotherTokenizer() throws {
        let folder = try TemporaryFolder()
        _ = try huggingFace(folder)
        let other = try folder.write("tokenizer.json", "{}")
        let source = try openModel(path: folder.file("in"), tokenizerPath: other)
        try unsafe writeHuggingFace(
            to: folder.file("out"), configuration: source.configuration, type: .f32, origin: source.origin,
            parameters: source.read)
        let names = TemporaryFolder.names(folder.file("out"))
        #expect(!names.contains("chat_template.jinja") && !names.contains("special_tokens_map.json"))
        #expect(names.contains("LICENSE"))
    }

    @Test func names() throws {
        #expect(modelName(path: "a/Llama-3.2-1B") == "Llama-3.2-1B")
        #expect(modelName(path: "a/Llama-3.2-1B/") == "Llama-3.2-1B")
        #expect(modelName(path: "Small-1.5.Q8_0.gguf") == "Small-1.5.Q8_0")
        #expect(modelName(path: "stories15M.bin") == "stories15M")
        #expect(modelName(path: "runs/one/model") == "one/model")
        #expect(modelName(path: "runs/one/model.gguf") == "one/model")
        #expect(modelName(path: "one/checkpoints/step-20") == "checkpoints/step-20")
        #expect(modelName(path: "/c/hub/models--org--Tiny-1.0/snapshots/0123abc") == "org/Tiny-1.0")
        let folder = try TemporaryFolder()
        #expect(unsafe mkdir(folder.file("run"), 0o755) == 0)
        #expect(modelName(path: folder.file("run") + "/.") == "run")
        #expect(modelName(path: folder.file("run") + "/../run/..") == modelName(path: folder.path))
    }
}
