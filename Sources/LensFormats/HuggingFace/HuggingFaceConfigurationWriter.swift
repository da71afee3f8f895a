import LensKernels
import LensSupport

/// Expresses a configuration as members of `config.json`, with the keys that transformers 4 and 5 both read.
package struct HuggingFaceConfigurationWriter {
    private let configuration: ModelConfiguration
    private let path: String

    /// The text of `config.json` of a model without an origin.
    package static func text(
        _ configuration: ModelConfiguration, type: TensorType, path: String
    ) throws(LensError) -> [UInt8] {
        JSONValue(try members(configuration, type: type, path: path)).prettyText
    }

    /// The members of `config.json`; `.data` where Hugging Face's classes cannot express the configuration.
    static func members(
        _ configuration: ModelConfiguration, type: TensorType, path: String
    ) throws(LensError) -> [(String, JSONValue)] {
        let writer = HuggingFaceConfigurationWriter(configuration: configuration, path: path)
        try writer.checkExpressible()
        return try writer.members(type: type)
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
        if c.slidingWindow != nil && c.family == .llama && (c.attentionBias || c.feedForwardBias) {
            throw impossible("a sliding window and biases")
        }
        if c.family == .llama && !c.fullAttentionLayers.isEmpty {
            throw impossible("a sliding window in some of its layers")
        }
        if c.ropeFrequencyFactors != nil && c.ropeScaling != .none {
            throw impossible("rotary frequency factors together with a rotary scaling")
        }
    }

    private func members(type: TensorType) throws(LensError) -> [(String, JSONValue)] {
        let c = configuration
        // Mistral is llama with a window.
        let isMistral = c.family == .llama && c.slidingWindow != nil
        let modelType = isMistral ? "mistral" : c.family.rawValue
        let className = [
            "llama": "LlamaForCausalLM", "mistral": "MistralForCausalLM", "qwen2": "Qwen2ForCausalLM",
            "qwen3": "Qwen3ForCausalLM",
        ]
        var members: [(String, JSONValue)] = [
            ("architectures", [JSONValue(className[modelType] ?? "")]),
            ("model_type", JSONValue(modelType)),
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
        if c.family != .llama { members.append(("use_sliding_window", .bool(c.slidingWindow != nil))) }
        if let window = c.slidingWindow {
            members.append(("sliding_window", .integer(window)))
            if c.family != .llama {
                let slides = (0..<c.layerCount).map { c.attentionWindow(ofLayer: $0) != nil }
                members.append(("max_window_layers", .integer(slides.firstIndex(of: true) ?? c.layerCount)))
                members.append(
                    ("layer_types", .array(slides.map { $0 ? "sliding_attention" : "full_attention" })))
            }
        }
        members.append(("bos_token_id", c.bosToken.map { .integer(Int($0)) } ?? .null))
        members.append(("eos_token_id", c.eosToken.map { .integer(Int($0)) } ?? .null))
        let names: [TensorType: String] = [.f32: "float32", .f16: "float16", .bf16: "bfloat16"]
        members.append(("torch_dtype", JSONValue(names[type] ?? "float32")))
        return members
    }

    private func scaling() throws(LensError) -> JSONValue {
        if configuration.ropeFrequencyFactors != nil || configuration.ropeAttentionFactor != 1 {
            return JSONValue(try factorsAsLongrope())
        }
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

    /// Divisors of each frequency are what longrope's lists are, the same for all lengths; it has a factor of attention
    /// too.
    private func factorsAsLongrope() throws(LensError) -> [(String, JSONValue)] {
        let c = configuration
        let divisors: [Double]
        switch c.ropeScaling {
        case .none:
            divisors = c.ropeFrequencyFactors?.map(Double.init) ?? [Double](repeating: 1, count: c.headDimension / 2)
        case .linear(let factor): divisors = [Double](repeating: factor, count: c.headDimension / 2)
        case .llama3(let factor, let low, let high, let original):
            divisors = Llama3Scaling.divisors(
                theta: c.ropeTheta, headDimension: c.headDimension, factor: factor, low: low, high: high,
                original: original
            ).map(Double.init)
        default: throw impossible("a factor of the rotary attention beside this scaling")
        }
        let list = JSONValue.array(divisors.map(JSONValue.number))
        return [
            ("rope_type", "longrope"), ("short_factor", list), ("long_factor", list), ("factor", .number(1)),
            ("attention_factor", .number(c.ropeAttentionFactor)),
            ("original_max_position_embeddings", .integer(c.contextLength)),
        ]
    }
}
