import LensSupport

/// Reads `config.json` of a Hugging Face model folder.
///
/// Defaults of absent keys are those of the model's class in transformers.
package struct HuggingFaceConfigurationReader {
    private let object: JSONValue
    private let path: String
    private let modelType: String

    /// Model types, and the family that computes them.
    private static let families: [String: ModelConfiguration.Family] = [
        "llama": .llama, "mistral": .llama, "qwen2": .qwen2, "qwen3": .qwen3,
    ]

    /// The configuration in the text of `config.json`; `.data` where it is malformed or not supported.
    package static func read(_ bytes: [UInt8], path: String) throws(LensError) -> ModelConfiguration {
        try read(JSONValue.parse(bytes, path: path), path: path)
    }

    /// The configuration in the value of `config.json`.
    static func read(_ object: JSONValue, path: String) throws(LensError) -> ModelConfiguration {
        guard object.members != nil else {
            throw .data("\(path): the model's configuration must be a JSON object.")
        }
        return try HuggingFaceConfigurationReader(object, path: path).configuration()
    }

    private init(_ object: JSONValue, path: String) throws(LensError) {
        self.object = object
        self.path = path
        guard let modelType = object["model_type"]?.string else {
            throw .data("\(path): the key `model_type` is missing or not a string.")
        }
        self.modelType = modelType
    }

    private func bad(_ problem: String) -> LensError { .data("\(path): \(problem)") }

    private func integer(_ key: String) throws(LensError) -> Int? {
        guard let value = object[key] else { return nil }
        guard let integer = value.integer else { throw bad("`\(key)` must be a whole number.") }
        return integer
    }

    private func required(_ key: String) throws(LensError) -> Int {
        guard let value = try integer(key) else { throw bad("the key `\(key)` is missing.") }
        return value
    }

    private func bool(_ key: String) throws(LensError) -> Bool {
        guard let value = object[key] else { return false }
        guard let bool = value.bool else { throw bad("`\(key)` must be true or false.") }
        return bool
    }

    private func configuration() throws(LensError) -> ModelConfiguration {
        guard let family = HuggingFaceConfigurationReader.families[modelType] else {
            let known = HuggingFaceConfigurationReader.families.keys.sorted().joined(separator: ", ")
            throw bad("the model type `\(modelType.prefix(60))` is not supported. Supported: \(known).")
        }
        let hiddenSize = try required("hidden_size"), headCount = try required("num_attention_heads")
        var configuration = ModelConfiguration(
            vocabularySize: try required("vocab_size"), hiddenSize: hiddenSize,
            feedForwardSize: try required("intermediate_size"), layerCount: try required("num_hidden_layers"),
            headCount: headCount, keyValueHeadCount: try keyValueHeadCount(headCount),
            headDimension: try headDimension(family, hiddenSize, headCount),
            contextLength: try integer("max_position_embeddings") ?? (modelType == "llama" ? 2048 : 32768))
        configuration.family = family
        if let value = object["rms_norm_eps"] {
            guard let epsilon = value.number else { throw bad("`rms_norm_eps` must be a number.") }
            configuration.normEpsilon = Float(epsilon)
        } else {
            configuration.normEpsilon = 1e-6
        }
        configuration.tiedEmbeddings = try bool("tie_word_embeddings")
        try readBiases(&configuration)
        configuration.queryKeyNorm = family == .qwen3
        configuration.bosToken = try token("bos_token_id")
        configuration.eosToken = try token("eos_token_id")
        try refuseUnsupported()
        try readSlidingWindow(&configuration)
        let rope = HuggingFaceRope(object, path: path, contextLength: configuration.contextLength)
        try rope.read(into: &configuration)
        try configuration.check(path: path)
        return configuration
    }

    private func keyValueHeadCount(_ headCount: Int) throws(LensError) -> Int {
        if let count = try integer("num_key_value_heads") { return count }
        // `null` means one for each head; the defaults of absent keys differ.
        if object.member("num_key_value_heads") != nil { return headCount }
        return switch modelType {
        case "mistral": 8
        case "qwen2", "qwen3": 32
        default: headCount
        }
    }

    private func headDimension(
        _ family: ModelConfiguration.Family, _ hiddenSize: Int, _ headCount: Int
    ) throws(LensError) -> Int {
        if let dimension = try integer("head_dim") { return dimension }
        if family == .qwen3 && object.member("head_dim") == nil { return 128 }
        guard headCount > 0, hiddenSize.isMultiple(of: headCount) else {
            throw bad("`hidden_size` (\(hiddenSize)) is not a multiple of `num_attention_heads` (\(headCount)).")
        }
        return hiddenSize / headCount
    }

    private func readBiases(_ configuration: inout ModelConfiguration) throws(LensError) {
        switch modelType {
        case "qwen2": configuration.attentionBias = true
        case "mistral": break
        default:
            configuration.attentionBias = try bool("attention_bias")
            configuration.attentionOutputBias = configuration.attentionBias
        }
        if modelType == "llama" { configuration.feedForwardBias = try bool("mlp_bias") }
    }

    /// One token, or the first one of several.
    private func token(_ key: String) throws(LensError) -> Int32? {
        guard var value = object[key] else { return nil }
        if let list = value.array {
            guard let first = list.first else { return nil }
            value = first
        }
        guard let integer = value.integer, let token = Int32(exactly: integer) else {
            throw bad("`\(key)` must be the number of a token, or a list of them.")
        }
        return token
    }

    private func refuseUnsupported() throws(LensError) {
        if let value = object["hidden_act"], !["silu", "swish"].contains(value.string) {
            throw bad("`hidden_act` must be \"silu\"; other activations are not supported for this architecture.")
        }
        if object["quantization_config"] != nil {
            throw bad(
                "`quantization_config` says that the weights are quantized, which is supported in GGUF files only.")
        }
    }

    /// The window of attention, and the layers that have it.
    private func readSlidingWindow(_ configuration: inout ModelConfiguration) throws(LensError) {
        let slides = try slidingLayers(configuration.layerCount)
        switch modelType {
        case "mistral": break
        case "qwen2", "qwen3":
            // transformers takes no window at all without `use_sliding_window`.
            guard try bool("use_sliding_window") else {
                guard slides?.contains(true) ?? false else { return }
                throw bad("`layer_types` has \"sliding_attention\", but `use_sliding_window` is not true.")
            }
        default:
            guard slides?.contains(true) ?? false else { return }
            throw bad("`layer_types` must all be \"full_attention\" for this architecture.")
        }
        // An absent key means the class's default, and `null` no window.
        let window = object.member("sliding_window") == nil ? 4096 : try integer("sliding_window")
        let full = try fullAttentionLayers(slides, configuration.layerCount)
        guard let window, full.count < configuration.layerCount else { return }
        configuration.slidingWindow = window
        configuration.fullAttentionLayers = full
    }

    /// What `layer_types` says of each layer: whether it has a window. Nil without the key.
    private func slidingLayers(_ layerCount: Int) throws(LensError) -> [Bool]? {
        guard let layers = object["layer_types"] else { return nil }
        let known = ["full_attention": false, "sliding_attention": true]
        guard let list = layers.array, list.allSatisfy({ known[$0.string ?? ""] != nil }) else {
            throw bad("`layer_types` must all be \"full_attention\" or \"sliding_attention\".")
        }
        guard list.count == layerCount else {
            throw bad("`layer_types` has \(list.count) entries, and the model \(layerCount) layers.")
        }
        return list.map { known[$0.string ?? ""] ?? false }
    }

    /// Every layer of a Mistral has the window, Qwen's from `max_window_layers` on, where `layer_types` says nothing.
    private func fullAttentionLayers(_ slides: [Bool]?, _ layerCount: Int) throws(LensError) -> Set<Int> {
        if modelType == "mistral" { return [] }
        if let slides { return Set(slides.indices.filter { !slides[$0] }) }
        return Set(0..<min(layerCount, max(0, try integer("max_window_layers") ?? 28)))
    }
}
