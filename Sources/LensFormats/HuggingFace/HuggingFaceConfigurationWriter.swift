import LensSupport

/// Writes `config.json`, with the keys that transformers 4 and 5 both read.
package struct HuggingFaceConfigurationWriter {
    private let configuration: ModelConfiguration
    private let path: String

    /// The text of `config.json`; `.data` where Hugging Face's classes cannot express the configuration.
    package static func text(_ configuration: ModelConfiguration, type: TensorType, path: String) throws(LensError)
        -> [UInt8]
    {
        let writer = HuggingFaceConfigurationWriter(configuration: configuration, path: path)
        try writer.checkExpressible()
        return JSONValue(try writer.members(type: type)).prettyText
    }

    private func impossible(_ what: String) -> LensError {
        .data("\(path): a Hugging Face model of the type `\(configuration.family.rawValue)` cannot have \(what).")
    }

    private func checkExpressible() throws(LensError) {
        let c = configuration
        guard c.queryKeyNorm == (c.family == .qwen3) else {
            throw impossible("\(c.queryKeyNorm ? "" : "no ")query and key norms")
        }
        switch c.family {
        case .llama, .qwen3:
            guard c.attentionBias == c.attentionOutputBias else {
                throw impossible("biases in only some of the attention projections")
            }
        case .qwen2:
            guard c.attentionBias, !c.attentionOutputBias else {
                throw impossible("other biases than those of queries, keys and values")
            }
        }
        if c.feedForwardBias && c.family != .llama { throw impossible("feed-forward biases") }
        if c.ropeFrequencyFactors != nil && c.ropeScaling != .none {
            throw impossible("rotary frequency factors together with a rotary scaling")
        }
    }

    private func members(type: TensorType) throws(LensError) -> [(String, JSONValue)] {
        let c = configuration
        let className = ["llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"]
        var members: [(String, JSONValue)] = [
            ("architectures", [JSONValue(className[c.family.rawValue] ?? "")]),
            ("model_type", JSONValue(c.family.rawValue)),
            ("vocab_size", .integer(c.vocabularySize)),
            ("hidden_size", .integer(c.hiddenSize)),
            ("intermediate_size", .integer(c.feedForwardSize)),
            ("num_hidden_layers", .integer(c.layerCount)),
            ("num_attention_heads", .integer(c.headCount)),
            ("num_key_value_heads", .integer(c.keyValueHeadCount)),
            ("head_dim", .integer(c.headDimension)),
            ("hidden_act", "silu"),
            ("max_position_embeddings", .integer(c.contextLength)),
            // The shortest digits that give the same fp32 number.
            ("rms_norm_eps", .number(Double(c.normEpsilon.description) ?? Double(c.normEpsilon))),
            ("rope_theta", .number(c.ropeTheta)),
            ("rope_scaling", try scaling()),
            ("tie_word_embeddings", .bool(c.tiedEmbeddings)),
        ]
        if c.family != .qwen2 { members.append(("attention_bias", .bool(c.attentionBias))) }
        if c.family == .llama { members.append(("mlp_bias", .bool(c.feedForwardBias))) }
        if c.family != .llama { members.append(("use_sliding_window", false)) }
        members.append(("bos_token_id", c.bosToken.map { .integer(Int($0)) } ?? .null))
        members.append(("eos_token_id", c.eosToken.map { .integer(Int($0)) } ?? .null))
        let names: [TensorType: String] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"]
        members.append(("torch_dtype", JSONValue(names[type] ?? "float32")))
        return members
    }

    private func scaling() throws(LensError) -> JSONValue {
        if let factors = configuration.ropeFrequencyFactors { return JSONValue(factorsAsLongrope(factors)) }
        func object(_ type: String, _ members: [(String, JSONValue)]) -> JSONValue {
            JSONValue([("rope_type", JSONValue(type))] + members)
        }
        switch configuration.ropeScaling {
        case .none: return .null
        case .linear(let factor): return object("linear", [("factor", .number(factor))])
        case .dynamic(let factor): return object("dynamic", [("factor", .number(factor))])
        case .yarn(let yarn): return object("yarn", members(yarn))
        case .llama3(let factor, let low, let high, let original):
            return object(
                "llama3",
                [
                    ("factor", .number(factor)), ("low_freq_factor", .number(low)), ("high_freq_factor", .number(high)),
                    ("original_max_position_embeddings", .integer(original)),
                ])
        case .longrope(let short, let long, let factor, let attentionFactor, let original):
            var members: [(String, JSONValue)] = [
                ("short_factor", .array(short.map(JSONValue.number))),
                ("long_factor", .array(long.map(JSONValue.number))),
                ("original_max_position_embeddings", .integer(original)),
            ]
            if let factor { members.append(("factor", .number(factor))) }
            if let attentionFactor { members.append(("attention_factor", .number(attentionFactor))) }
            return object("longrope", members)
        }
    }

    private func members(_ yarn: YarnScaling) -> [(String, JSONValue)] {
        var members: [(String, JSONValue)] = [
            ("factor", .number(yarn.factor)),
            ("original_max_position_embeddings", .integer(yarn.originalContextLength)),
            ("beta_fast", .number(yarn.betaFast)), ("beta_slow", .number(yarn.betaSlow)),
        ]
        if let value = yarn.attentionFactor { members.append(("attention_factor", .number(value))) }
        if let value = yarn.mscale { members.append(("mscale", .number(value))) }
        if let value = yarn.mscaleAllDim { members.append(("mscale_all_dim", .number(value))) }
        if !yarn.truncate { members.append(("truncate", false)) }
        return members
    }

    /// Divisors of each frequency are what longrope's lists are; the same for all lengths, and no attention factor.
    private func factorsAsLongrope(_ factors: [Float]) -> [(String, JSONValue)] {
        let list = JSONValue.array(factors.map { .number(Double($0)) })
        return [
            ("rope_type", "longrope"), ("short_factor", list), ("long_factor", list), ("factor", .number(1)),
            ("attention_factor", .number(1)),
            ("original_max_position_embeddings", .integer(configuration.contextLength)),
        ]
    }
}
