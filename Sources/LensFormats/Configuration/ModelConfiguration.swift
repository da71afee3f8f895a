/// The shape and the options of a decoder-only transformer of the llama family.
public struct ModelConfiguration: Equatable, Sendable {
    /// Families whose layers are options of one decoder layer.
    public enum Family: String, Sendable, CaseIterable { case llama, qwen2, qwen3 }

    public var family: Family = .llama
    public var vocabularySize: Int
    public var hiddenSize: Int
    public var feedForwardSize: Int
    public var layerCount: Int
    public var headCount: Int
    public var keyValueHeadCount: Int
    /// Elements of one head.
    public var headDimension: Int
    /// Tokens that the model was trained for.
    public var contextLength: Int
    public var normEpsilon: Float = 1e-5
    public var ropeTheta: Double = 10_000
    public var ropeScaling: RopeScaling = .none
    /// Divisors of the rotary frequencies (headDimension / 2), where a file carries them (GGUF `rope_freqs.weight`).
    public var ropeFrequencyFactors: [Float]?
    /// Multiplies cosines and sines beside what the scaling does; not used with YaRN and longrope, which have their own
    /// (GGUF `rope.scaling.attn_factor`).
    public var ropeAttentionFactor: Double = 1
    /// Tokens that attention reaches back, the token itself among them; nil without a limit.
    public var slidingWindow: Int?
    /// Layers, from 0, that attend to the whole context beside others with a sliding window (Qwen2's `max_window_layers`,
    /// `layer_types`).
    public var fullAttentionLayers: Set<Int> = []
    /// True when the language-model head is the embedding table.
    public var tiedEmbeddings = false
    /// Biases of the query, key and value projections (Qwen2).
    public var attentionBias = false
    /// Bias of the attention output projection (llama with `attention_bias`).
    public var attentionOutputBias = false
    /// Biases of the feed-forward projections (llama with `mlp_bias`).
    public var feedForwardBias = false
    /// RMSNorm of each query and key head before the rotation (Qwen3).
    public var queryKeyNorm = false
    public var bosToken: Int32?
    public var eosToken: Int32?

    /// A model of these sizes, in elements and tokens; all options as llama has them.
    public init(
        vocabularySize: Int, hiddenSize: Int, feedForwardSize: Int, layerCount: Int, headCount: Int,
        keyValueHeadCount: Int, headDimension: Int, contextLength: Int
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.feedForwardSize = feedForwardSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDimension = headDimension
        self.contextLength = contextLength
    }

    /// Tokens that attention of a layer, from 0, reaches back, the token itself among them; nil without a limit.
    public func attentionWindow(ofLayer layer: Int) -> Int? {
        fullAttentionLayers.contains(layer) ? nil : slidingWindow
    }
}

/// How the rotary frequencies are changed for longer contexts.
///
/// Formulas and keys as in Hugging Face's `rope_scaling` (`rope_parameters` since version 5).
public enum RopeScaling: Equatable, Sendable {
    case none
    /// Position interpolation, arXiv 2306.15595.
    case linear(factor: Double)
    /// NTK-aware, recomputed for sequences past the original context.
    case dynamic(factor: Double)
    /// arXiv 2309.00071.
    case yarn(YarnScaling)
    /// Llama 3.1.
    case llama3(factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double, originalContextLength: Int)
    /// arXiv 2402.13753.
    case longrope(
        shortFactors: [Double], longFactors: [Double], factor: Double?, attentionFactor: Double?,
        originalContextLength: Int)
}

/// The settings of YaRN (arXiv 2309.00071), with the names and defaults of Hugging Face.
public struct YarnScaling: Equatable, Sendable {
    public var factor: Double
    public var originalContextLength: Int
    public var betaFast: Double = 32
    public var betaSlow: Double = 1
    public var attentionFactor: Double?
    public var mscale: Double?
    public var mscaleAllDim: Double?
    public var truncate = true

    /// `factor` times as many tokens as the `originalContextLength` that the model was trained for.
    public init(factor: Double, originalContextLength: Int) {
        self.factor = factor
        self.originalContextLength = originalContextLength
    }
}
