import LensFormats
import LensSupport
import Testing

@Suite struct ConfigurationTests {
    private func read(_ text: String) throws(LensError) -> ModelConfiguration {
        try read(Array(text.utf8))
    }

    private func read(_ text: [UInt8]) throws(LensError) -> ModelConfiguration {
        try HuggingFaceConfigurationReader.read(text, path: "config.json")
    }

    /// Texts that transformers wrote, see Fixtures/make_fixtures.py.
    private func cases() throws -> [JSONValue] {
        let name = "configurations.json"
        return try #require(try JSONValue.parse(contents(of: fixture(name)), path: name).array)
    }

    private func expectedScaling(_ name: String) -> (RopeScaling, Double) {
        var yarn = YarnScaling(factor: 4, originalContextLength: 512)
        yarn.betaFast = 16
        yarn.betaSlow = 2
        yarn.attentionFactor = 1.25
        yarn.truncate = false
        return switch name {
        case "linear": (.linear(factor: 4), 10_000)
        case "dynamic": (.dynamic(factor: 2), 10_000)
        case "yarn": (.yarn(yarn), 1_000_000)
        case "llama3":
            (.llama3(factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 1024), 500_000)
        case "longrope":
            (
                .longrope(
                    shortFactors: [1, 1.5], longFactors: [2, 3], factor: 4, attentionFactor: nil,
                    originalContextLength: 512), 10_000
            )
        case "default": (.none, 123_456)
        default: (.none, 10_000)
        }
    }

    @Test func readsWhatTransformersWrites() throws {
        let cases = try cases()
        #expect(cases.count == 8)
        var count = 0
        for object in cases {
            let name = try #require(object["name"]?.string)
            for form in ["new", "old"] {
                guard let value = object[form] else { continue }
                count += 1
                let configuration = try read(value.prettyText)
                #expect(configuration.vocabularySize == 64 && configuration.hiddenSize == 32)
                #expect(configuration.feedForwardSize == 48 && configuration.layerCount == 2)
                #expect(configuration.headCount == 8 && configuration.keyValueHeadCount == 4)
                #expect(configuration.contextLength == 2048 && configuration.normEpsilon == 1e-6)
                let (scaling, theta) = expectedScaling(name)
                #expect(configuration.ropeScaling == scaling, "\(name) \(form)")
                #expect(configuration.ropeTheta == theta, "\(name) \(form)")
                #expect(configuration.headDimension == (name == "qwen3" ? 16 : 4))
                #expect(configuration.queryKeyNorm == (name == "qwen3"))
                #expect(configuration.attentionBias == name.hasPrefix("qwen"))
                #expect(configuration.attentionOutputBias == (name == "qwen3"))
                #expect(configuration.tiedEmbeddings == (name == "qwen2"))
                #expect(configuration.family.rawValue == (name.hasPrefix("qwen") ? name : "llama"))
            }
        }
        // Two of them are written in the new form alone.
        #expect(count == 14)
    }

    private let base = """
        "vocab_size":64,"hidden_size":32,"intermediate_size":48,"num_hidden_layers":2,"num_attention_heads":8,
        "max_position_embeddings":2048
        """

    private func llama(_ more: String) throws(LensError) -> ModelConfiguration {
        try read("{\"model_type\":\"llama\",\(base)\(more.isEmpty ? "" : ",")\(more)}")
    }

    @Test func defaults() throws {
        let llama = try llama("")
        #expect(llama.keyValueHeadCount == 8 && llama.headDimension == 4 && llama.normEpsilon == 1e-6)
        #expect(!llama.tiedEmbeddings && !llama.attentionBias && llama.ropeTheta == 10_000)
        #expect(llama.bosToken == nil && llama.eosToken == nil)
        let mistral = try read("{\"model_type\":\"mistral\",\(base),\"sliding_window\":null}")
        #expect(mistral.family == .llama && mistral.keyValueHeadCount == 8)
        let qwen = try read("{\"model_type\":\"qwen2\",\(base),\"num_key_value_heads\":2,\"sliding_window\":512}")
        #expect(qwen.attentionBias && !qwen.attentionOutputBias)
    }

    @Test func rotaryPrecedence() throws {
        #expect(try llama(#""rope_theta":5,"rope_parameters":{"rope_theta":7,"rope_type":"default"}"#).ropeTheta == 7)
        #expect(try llama(#""rope_theta":5,"rope_parameters":{"rope_type":"default"}"#).ropeTheta == 5)
        #expect(try llama(#""rope_theta":5,"rope_scaling":null"#).ropeTheta == 5)
        let both = try llama(
            #""rope_scaling":{"type":"linear","factor":3},"rope_parameters":{"rope_type":"dynamic","factor":2}"#)
        #expect(both.ropeScaling == .linear(factor: 3))
        let typed = try llama(#""rope_scaling":{"type":"linear","rope_type":"dynamic","factor":3}"#)
        #expect(typed.ropeScaling == .dynamic(factor: 3))
        let top = try llama(
            #""original_max_position_embeddings":256,"rope_scaling":{"rope_type":"yarn","factor":2,"original_max_position_embeddings":512}"#
        )
        #expect(top.ropeScaling == .yarn(YarnScaling(factor: 2, originalContextLength: 256)))
        let absent = try llama(#""rope_scaling":{"rope_type":"yarn","factor":2,"beta_fast":0}"#)
        #expect(absent.ropeScaling == .yarn(YarnScaling(factor: 2, originalContextLength: 2048)))
        let derived = try llama(#""rope_scaling":{"rope_type":"yarn","original_max_position_embeddings":512}"#)
        #expect(derived.ropeScaling == .yarn(YarnScaling(factor: 4, originalContextLength: 512)))
    }

    @Test func tokens() throws {
        #expect(try llama(#""bos_token_id":3,"eos_token_id":[5,6]"#).bosToken == 3)
        #expect(try llama(#""bos_token_id":3,"eos_token_id":[5,6]"#).eosToken == 5)
        #expect(try llama(#""bos_token_id":null,"eos_token_id":[]"#).eosToken == nil)
    }

    @Test(arguments: [
        (#""hidden_act":"gelu""#, "hidden_act"), (#""bos_token_id":64"#, "64"), (#""eos_token_id":[-1]"#, "-1"),
        (#""eos_token_id":"</s>""#, "eos_token_id"), (#""num_key_value_heads":3"#, "3"),
        (#""num_key_value_heads":0"#, "0"),
        (#""head_dim":5"#, "even"), (#""head_dim":-4"#, "-4"), (#""head_dim":1e999"#, "1e999"),
        (#""head_dim":1e300"#, "head_dim"),
        (#""rms_norm_eps":"x""#, "rms_norm_eps"), (#""rms_norm_eps":-1"#, "epsilon"),
        (#""rope_theta":0"#, "rotary base"),
        (#""rope_scaling":{"rope_type":"linear"}"#, "factor"),
        (#""rope_scaling":{"rope_type":"linear","factor":0}"#, "factor"),
        (#""rope_scaling":{"rope_type":"su"}"#, "su"), (#""rope_scaling":[]"#, "rope_scaling"),
        (#""rope_scaling":{"rope_type":"longrope","short_factor":[1],"long_factor":[1,2]}"#, "factors"),
        (#""rope_scaling":{"rope_type":"longrope","short_factor":[1,"a"],"long_factor":[1,2]}"#, "short_factor"),
        (
            #""rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":1}"#,
            "high_freq_factor"
        ),
        (#""partial_rotary_factor":0.5"#, "partial_rotary_factor"),
        (#""tie_word_embeddings":"yes""#, "tie_word_embeddings"),
        (#""quantization_config":{}"#, "quantization_config"),
        (#""layer_types":["full_attention","sliding_attention"]"#, "layer_types"),
    ])
    func refuses(_ more: String, _ part: String) {
        let text = message(.data) { _ = try llama(more) }
        #expect(text.contains(part) && text.contains("config.json"), "\(text)")
    }

    @Test func refusesOtherArchitectures() {
        let text = message(.data) { _ = try read("{\"model_type\":\"gemma3\",\(base)}") }
        #expect(text.contains("gemma3") && text.contains("qwen3"))
        _ = message(.data) { _ = try read("{\(base)}") }
        _ = message(.data) { _ = try read("[]") }
    }

    /// With the defaults of transformers' classes.
    @Test func slidingWindows() throws {
        func configuration(_ type: String, _ more: String) throws(LensError) -> ModelConfiguration {
            try read("{\"model_type\":\"\(type)\",\(base),\"num_key_value_heads\":8\(more)}")
        }
        func window(_ type: String, _ more: String) throws(LensError) -> Int? {
            try configuration(type, more).slidingWindow
        }
        #expect(try window("mistral", #","sliding_window":512"#) == 512)
        #expect(try window("mistral", "") == 4096)
        #expect(try window("mistral", #","sliding_window":null"#) == nil)
        #expect(try window("llama", #","sliding_window":512"#) == nil)
        let use = #","use_sliding_window":true,"sliding_window":512"#
        #expect(try window("qwen2", use + #","max_window_layers":1"#) == 512)
        #expect(try window("qwen2", use + #","max_window_layers":2"#) == nil)
        #expect(try window("qwen3", #","sliding_window":512"#) == nil)
        let types = #","layer_types":["full_attention","sliding_attention"]"#
        #expect(try window("qwen3", use + types) == 512)
        _ = message(.data) { _ = try window("qwen3", types) }
        _ = message(.data) { _ = try window("mistral", #","sliding_window":0"#) }
        _ = message(.data) { _ = try window("mistral", #","sliding_window":-3"#) }
        let long = #","layer_types":["full_attention","sliding_attention","full_attention"]"#
        #expect(message(.data) { _ = try window("qwen3", use + long) }.contains("3 entries"))
        for more in [types, #","max_window_layers":1"#] {
            let mixed = try configuration("qwen3", use + more)
            #expect([0, 1].map(mixed.attentionWindow) == [nil, 512])
        }
        let mistral = try configuration("mistral", #","sliding_window":512"#)
        #expect([0, 1].map(mistral.attentionWindow) == [512, 512])
    }

    /// The largest sizes together would overflow.
    @Test func refusesEndlessParameters() {
        let text = message(.data) {
            _ = try read(
                """
                {"model_type":"llama","vocab_size":16777216,"hidden_size":1048576,"intermediate_size":4194304,
                "num_hidden_layers":4096,"num_attention_heads":16384,"head_dim":16384}
                """)
        }
        #expect(text.contains("parameters"))
    }

    @Test(arguments: ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"])
    func refusesSizes(_ key: String) throws {
        let object = try JSONValue.parse(Array("{\"model_type\":\"llama\",\(base)}".utf8), path: "")
        let others = try #require(object.members).filter { $0.name != key }
        for value: JSONValue in [0, -1, .integer(.max), .integer(.min), .number(1.5), .number(1e18), "1", .null] {
            _ = message(.data) { _ = try read(JSONValue.object(others + [JSONMember(key, value)]).prettyText) }
        }
    }
}
