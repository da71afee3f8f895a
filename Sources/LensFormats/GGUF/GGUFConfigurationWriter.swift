import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Expresses a model's configuration in GGUF: metadata, and tensors of rotary factors.
struct GGUFConfigurationWriter {
    private let configuration: ModelConfiguration
    private let path: String
    private(set) var metadata: [(String, GGUFValue)] = []
    /// Rotary factors that GGUF keeps as F32 tensors.
    private(set) var factors: [(name: String, values: [Float])] = []
    /// What llama.cpp will read otherwise than it is written, one paragraph each.
    private(set) var warnings: [String] = []

    /// `.data` where GGUF cannot express the configuration.
    init(_ configuration: ModelConfiguration, path: String) throws(LensError) {
        self.configuration = configuration
        self.path = path
        addSizes()
        addSlidingWindow()
        try addScaling()
    }

    private func impossible(_ what: String) -> LensError {
        .data("\(path): a GGUF file of the architecture `\(configuration.family.rawValue)` cannot express \(what).")
    }

    private mutating func add(_ key: String, _ value: GGUFValue) {
        metadata.append(("\(configuration.family.rawValue).\(key)", value))
    }

    private mutating func add(_ key: String, _ value: Int) { add(key, .uint32(UInt32(clamping: value))) }

    private mutating func add(_ key: String, _ value: Double) { add(key, .float32(Float(value))) }

    private mutating func addSizes() {
        add("context_length", configuration.contextLength)
        add("embedding_length", configuration.hiddenSize)
        add("block_count", configuration.layerCount)
        add("feed_forward_length", configuration.feedForwardSize)
        add("attention.head_count", configuration.headCount)
        add("attention.head_count_kv", configuration.keyValueHeadCount)
        add("attention.key_length", configuration.headDimension)
        add("attention.value_length", configuration.headDimension)
        add("attention.layer_norm_rms_epsilon", .float32(configuration.normEpsilon))
        add("rope.dimension_count", configuration.headDimension)
        add("rope.freq_base", configuration.ropeTheta)
        add("vocab_size", configuration.vocabularySize)
    }

    private mutating func addSlidingWindow() {
        guard let window = configuration.slidingWindow else { return }
        add("attention.sliding_window", window)
        if !configuration.fullAttentionLayers.isEmpty {
            let slides = (0..<configuration.layerCount).map { configuration.attentionWindow(ofLayer: $0) != nil }
            add("attention.sliding_window_pattern", .numbers(GGUFNumbers(slides)))
        }
        warnings.append(
            "\(path): llama.cpp does not read the sliding window of files of the architecture "
                + "`\(configuration.family.rawValue)`; past \(window) tokens it gives other losses. LongLens reads it.")
    }

    private mutating func addScaling() throws(LensError) {
        if let values = configuration.ropeFrequencyFactors { try addFactors(GGUFNames.frequencyFactors, values) }
        if configuration.ropeFrequencyFactors != nil && configuration.ropeScaling != .none {
            throw impossible("rotary frequency factors together with a rotary scaling")
        }
        if configuration.ropeAttentionFactor != 1 {
            add("rope.scaling.attn_factor", configuration.ropeAttentionFactor)
        }
        switch configuration.ropeScaling {
        case .none: break
        case .linear(let factor):
            add("rope.scaling.type", .string(Array("linear".utf8)))
            add("rope.scaling.factor", factor)
        case .dynamic: throw impossible("dynamic rotary scaling; set the rotary base instead")
        case .yarn(let yarn): try add(yarn)
        case .llama3(let factor, let low, let high, let original):
            let divisors = Llama3Scaling.divisors(
                theta: configuration.ropeTheta, headDimension: configuration.headDimension, factor: factor, low: low,
                high: high, original: original)
            try addFactors(GGUFNames.frequencyFactors, divisors)
        case .longrope(let short, let long, let factor, let attentionFactor, let original):
            add("rope.scaling.type", .string(Array("longrope".utf8)))
            add("rope.scaling.original_context_length", original)
            // No factor: llama.cpp would divide by it on top of the tensors.
            let ratio = factor ?? Double(configuration.contextLength) / Double(original)
            let derived = ratio <= 1 ? 1 : sqrt(1 + log(ratio) / log(Double(original)))
            add("rope.scaling.attn_factor", attentionFactor ?? derived)
            try addFactors(GGUFNames.longFactors, long.map { Float($0) })
            try addFactors(GGUFNames.shortFactors, short.map { Float($0) })
        }
    }

    private mutating func addFactors(_ name: String, _ values: [Float]) throws(LensError) {
        guard configuration.family == .llama else { throw impossible("rotary frequency factors") }
        factors.append((name, values))
    }

    private mutating func add(_ yarn: YarnScaling) throws(LensError) {
        guard yarn.truncate else { throw impossible("YaRN without truncation") }
        add("rope.scaling.type", .string(Array("yarn".utf8)))
        add("rope.scaling.factor", yarn.factor)
        add("rope.scaling.original_context_length", yarn.originalContextLength)
        add("rope.scaling.yarn_beta_fast", yarn.betaFast)
        add("rope.scaling.yarn_beta_slow", yarn.betaSlow)
        let usual = YarnScaling(factor: yarn.factor, originalContextLength: yarn.originalContextLength)
        if (yarn.betaFast, yarn.betaSlow) != (usual.betaFast, usual.betaSlow) {
            warnings.append(
                "\(path): llama.cpp does not read beta_fast and beta_slow of YaRN in files of the architecture "
                    + "`\(configuration.family.rawValue)`; it takes \(usual.betaFast) and \(usual.betaSlow) for the "
                    + "\(yarn.betaFast) and \(yarn.betaSlow) of this model, and gives other losses. LongLens reads them."
            )
        }
        // llama.cpp multiplies its own 0.1 ln(factor) + 1 with this.
        let relative = yarn.effectiveAttentionFactor / YarnScaling.defaultAttentionFactor(yarn.factor)
        if abs(relative - 1) > 1e-7 { add("rope.scaling.attn_factor", relative) }
    }
}
