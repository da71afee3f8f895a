import LensKernels
import LensSupport

/// Reads a model's configuration from the metadata and the tensors of a GGUF file.
struct GGUFConfigurationReader {
    let file: GGUFFile
    private let architecture: String

    static func read(_ file: GGUFFile) throws(LensError) -> ModelConfiguration {
        try GGUFConfigurationReader(file).configuration()
    }

    private init(_ file: GGUFFile) throws(LensError) {
        self.file = file
        guard let architecture = file.metadata.string("general.architecture") else {
            throw .data("\(file.path): the metadata has no `general.architecture`.")
        }
        self.architecture = architecture
    }

    private func bad(_ problem: String) -> LensError { .data("\(file.path): \(problem)") }

    private func integer(_ key: String) throws(LensError) -> Int? {
        guard let value = try value(key) else { return nil }
        guard let integer = value.integer else { throw bad("`\(architecture).\(key)` must be an integer.") }
        return integer
    }

    /// One value, or that of an array whose elements, one for each layer, are all the same.
    private func value(_ key: String) throws(LensError) -> GGUFValue? {
        guard let value = file.metadata["\(architecture).\(key)"], let count = value.count else {
            return file.metadata["\(architecture).\(key)"]
        }
        guard count > 0 else { throw bad("`\(architecture).\(key)` is an empty array.") }
        let first = value.element(0)
        for layer in 0..<count where value.element(layer) != first {
            throw bad(
                "`\(architecture).\(key)` has another value for layer \(layer) than for layer 0; only models whose "
                    + "layers are all alike are supported.")
        }
        return first
    }

    private func number(_ key: String) throws(LensError) -> Double? {
        guard let value = try value(key) else { return nil }
        guard let number = value.number, number.isFinite else {
            throw bad("`\(architecture).\(key)` must be a number.")
        }
        return number
    }

    private func required(_ key: String) throws(LensError) -> Int {
        guard let value = try integer(key) else { throw bad("the metadata has no `\(architecture).\(key)`.") }
        return value
    }

    private func configuration() throws(LensError) -> ModelConfiguration {
        guard let family = ModelConfiguration.Family(rawValue: architecture) else {
            let known = ModelConfiguration.Family.allCases.map(\.rawValue).joined(separator: ", ")
            throw bad("the architecture `\(architecture)` is not supported. Supported: \(known).")
        }
        try refuseUnsupported()
        guard let embedding = file.tensor("token_embd.weight"), embedding.shape.count == 2 else {
            throw bad("the tensor `token_embd.weight` is missing or not a matrix.")
        }
        let hiddenSize = try required("embedding_length")
        let headCount = try required("attention.head_count")
        let derived = headCount > 0 ? hiddenSize / headCount : 0
        var configuration = ModelConfiguration(
            vocabularySize: embedding.shape[0], hiddenSize: hiddenSize,
            feedForwardSize: try required("feed_forward_length"), layerCount: try required("block_count"),
            headCount: headCount, keyValueHeadCount: try integer("attention.head_count_kv") ?? headCount,
            headDimension: try integer("attention.key_length") ?? derived,
            contextLength: try required("context_length"))
        configuration.family = family
        guard let epsilon = try number("attention.layer_norm_rms_epsilon") else {
            throw bad("the metadata has no `\(architecture).attention.layer_norm_rms_epsilon`.")
        }
        configuration.normEpsilon = Float(epsilon)
        configuration.ropeTheta = try number("rope.freq_base") ?? 10_000
        try readSlidingWindow(&configuration)
        try readHeadSizes(configuration)
        try readTokens(&configuration)
        readTensorPresence(&configuration)
        try readScaling(&configuration)
        try configuration.check(path: file.path)
        return configuration
    }

    private func readSlidingWindow(_ configuration: inout ModelConfiguration) throws(LensError) {
        guard let window = try integer("attention.sliding_window"), window != 0 else { return }
        let full = try fullAttentionLayers(configuration.layerCount)
        guard full.count < configuration.layerCount else { return }
        configuration.slidingWindow = window
        configuration.fullAttentionLayers = full
    }

    /// Whether each layer has the window, or n, where every n-th layer has none: llama.cpp's two forms.
    private func fullAttentionLayers(_ layerCount: Int) throws(LensError) -> Set<Int> {
        let key = "\(architecture).attention.sliding_window_pattern"
        guard let pattern = file.metadata[key] else { return [] }
        if let period = pattern.integer, period >= 0 {
            return period == 0 ? [] : Set((0..<max(0, layerCount)).filter { $0 % period == period - 1 })
        }
        let slides = (0..<(pattern.count ?? 0)).map { (layer: Int) -> Bool? in
            if case .bool(let slides) = pattern.element(layer) { slides } else { nil }
        }
        guard slides.count == layerCount, slides.allSatisfy({ $0 != nil }) else {
            throw bad("`\(key)` must be a whole number, or a truth value for each of the \(layerCount) layers.")
        }
        return Set(slides.indices.filter { slides[$0] == false })
    }

    /// Settings of relatives of these architectures that would change the result.
    private func refuseUnsupported() throws(LensError) {
        for key in [
            "expert_count", "expert_used_count", "attention.clamp_kqv", "logit_scale",
            "residual_scale", "embedding_scale", "attention.scale", "attn_logit_softcapping", "final_logit_softcapping",
            "rope.scaling.yarn_log_multiplier", "rope.scaling.alpha",
        ] {
            if let value = try number(key), value != 0 {
                throw bad(
                    "`\(architecture).\(key)` is \(describeNumber(value)); models with this setting are not supported.")
            }
        }
    }

    private func readHeadSizes(_ configuration: ModelConfiguration) throws(LensError) {
        for key in ["attention.value_length", "rope.dimension_count"] {
            if let value = try integer(key), value != configuration.headDimension {
                throw bad(
                    "`\(architecture).\(key)` is \(value), but only models are supported where it is the dimension "
                        + "of a head, here \(configuration.headDimension).")
            }
        }
    }

    private func readTokens(_ configuration: inout ModelConfiguration) throws(LensError) {
        if let tokens = file.metadata.strings("tokenizer.ggml.tokens"), tokens.count > configuration.vocabularySize {
            throw bad(
                "the tokenizer has \(tokens.count) tokens, but the embedding only \(configuration.vocabularySize) rows."
            )
        }
        func token(_ key: String) throws(LensError) -> Int32? {
            guard file.metadata[key] != nil else { return nil }
            guard let value = file.metadata.integer(key), let token = Int32(exactly: value) else {
                throw bad("`\(key)` must be the number of a token.")
            }
            return token
        }
        configuration.bosToken = try token("tokenizer.ggml.bos_token_id")
        configuration.eosToken = try token("tokenizer.ggml.eos_token_id")
    }

    /// What the metadata does not say is told by the tensors that are there.
    private func readTensorPresence(_ configuration: inout ModelConfiguration) {
        func has(_ name: String) -> Bool { file.tensor(name) != nil }
        configuration.tiedEmbeddings = !has("output.weight")
        configuration.attentionBias = has("blk.0.attn_q.bias")
        configuration.attentionOutputBias = has("blk.0.attn_output.bias")
        configuration.feedForwardBias = has("blk.0.ffn_gate.bias")
        configuration.queryKeyNorm = has("blk.0.attn_q_norm.weight")
    }

    // MARK: Rotary scaling

    private func readScaling(_ configuration: inout ModelConfiguration) throws(LensError) {
        if let factors = try factors(GGUFNames.frequencyFactors) {
            configuration.ropeFrequencyFactors = factors
            if let scaling = Llama3Scaling.recognized(factors, configuration) {
                configuration.ropeScaling = scaling
                configuration.ropeFrequencyFactors = nil
            }
        }
        let key = "\(architecture).rope.scaling.type"
        let type = file.metadata.string(key)
        if file.metadata[key] != nil && type == nil { throw bad("`\(key)` must be a string.") }
        let factor = try number("rope.scaling.factor")
        let original = try integer("rope.scaling.original_context_length") ?? configuration.contextLength
        // The key of files from before `rope.scaling.type`.
        let oldFactor = try number("rope.scale_linear")
        let attention = try attentionFactor()
        let long = try factors(GGUFNames.longFactors), short = try factors(GGUFNames.shortFactors)
        let scaling: RopeScaling
        if let long, let short, type != "yarn" {
            // llama.cpp takes the tensors whatever the type, and divides by the factor too where the type is not none.
            let stretch = type == "none" ? 1 : factor ?? oldFactor ?? 1
            scaling = .longrope(
                shortFactors: short.map { Double($0) * stretch }, longFactors: long.map { Double($0) * stretch },
                factor: nil, attentionFactor: attention, originalContextLength: original)
        } else {
            switch type {
            case nil:
                let factor = oldFactor ?? factor ?? 1
                scaling = factor == 1 ? .none : .linear(factor: factor)
            case "none"?: scaling = .none
            case "linear"?:
                guard let factor = factor ?? oldFactor else { throw missingFactor() }
                scaling = .linear(factor: factor)
            case "yarn"?:
                guard let factor else { throw missingFactor() }
                scaling = .yarn(try yarn(factor: factor, original: original, attention: attention))
            case "longrope"?:
                throw bad("the rotary scaling is `longrope`, but its tensors of factors are missing.")
            case let other?:
                throw bad("the rotary scaling `\(other)` is not supported. Supported: none, linear, yarn, longrope.")
            }
        }
        switch scaling {
        case .none, .linear: configuration.ropeAttentionFactor = attention
        default: break
        }
        if scaling == .none { return }
        guard configuration.ropeScaling == .none, configuration.ropeFrequencyFactors == nil else {
            throw bad("there are both `\(GGUFNames.frequencyFactors)` and a rotary scaling; only one is supported.")
        }
        configuration.ropeScaling = scaling
    }

    private func missingFactor() -> LensError { bad("the metadata has no `\(architecture).rope.scaling.factor`.") }

    private func factors(_ name: String) throws(LensError) -> [Float]? {
        guard let tensor = file.tensor(name) else { return nil }
        guard tensor.shape.count == 1, tensor.type == .f32, tensor.count <= 1 << 14 else {
            throw bad("the tensor `\(name)` must be a short vector of F32.")
        }
        return file.floats(of: tensor)
    }

    /// llama.cpp multiplies these two, and cosines and sines with them, whatever the type of scaling.
    private func attentionFactor() throws(LensError) -> Double {
        let first = try number("rope.scaling.attn_factor") ?? 1
        let second = try number("rope.scaling.yarn_attn_factor") ?? 1
        return first * second
    }

    private func yarn(factor: Double, original: Int, attention: Double) throws(LensError) -> YarnScaling {
        if let extrapolation = try number("rope.scaling.yarn_ext_factor"), extrapolation != 1, extrapolation >= 0 {
            throw bad(
                "`\(architecture).rope.scaling.yarn_ext_factor` is \(describeNumber(extrapolation)); only 1 is supported."
            )
        }
        var yarn = YarnScaling(factor: factor, originalContextLength: original)
        yarn.betaFast = try number("rope.scaling.yarn_beta_fast") ?? 32
        yarn.betaSlow = try number("rope.scaling.yarn_beta_slow") ?? 1
        if attention != 1 { yarn.attentionFactor = attention * YarnScaling.defaultAttentionFactor(factor) }
        return yarn
    }
}

extension YarnScaling {
    /// sqrt(1/t) = 0.1 ln(factor) + 1, arXiv 2309.00071 equation 22; 1 where nothing is extended.
    static func defaultAttentionFactor(_ factor: Double) -> Double { attentionScale(factor, 1) }

    private static func attentionScale(_ factor: Double, _ multiplier: Double) -> Double {
        factor <= 1 ? 1 : 0.1 * multiplier * logarithm(factor) + 1
    }

    /// The factor of cosines and sines that these settings ask for, with the precedence of Hugging Face.
    var effectiveAttentionFactor: Double {
        if let attentionFactor { return attentionFactor }
        if let mscale, let mscaleAllDim, mscale != 0, mscaleAllDim != 0 {
            return YarnScaling.attentionScale(factor, mscale) / YarnScaling.attentionScale(factor, mscaleAllDim)
        }
        return YarnScaling.defaultAttentionFactor(factor)
    }
}
