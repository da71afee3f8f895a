import LensFormats
import LensKernels
import LensSupport

/// Shapes of well-known models, to plan and to measure without their files. Numbers from their published configurations.
public enum ModelShapes {
    public static let names = all.map(\.name)

    /// The shape of this name; `.usage` lists those there are.
    public static func named(_ name: String) throws(LensError) -> ModelConfiguration {
        guard let shape = all.first(where: { $0.name == name }) else {
            throw .usage(
                "There is no shape \(name)." + suggestion(for: name, among: names)
                    + " Known are \(names.joined(separator: ", ")).")
        }
        return shape.configuration
    }

    private static let all: [(name: String, configuration: ModelConfiguration)] = [
        ("stories260k", shape(512, 64, 172, layers: 5, heads: 8, 4, of: 8, context: 512, theta: 10_000, tied: true)),
        (
            "smollm2-135m",
            shape(49152, 576, 1536, layers: 30, heads: 9, 3, of: 64, context: 8192, theta: 100_000, tied: true)
        ),
        (
            "smollm2-360m",
            shape(49152, 960, 2560, layers: 32, heads: 15, 5, of: 64, context: 8192, theta: 100_000, tied: true)
        ),
        ("qwen3-0.6b", qwen3(151_936, 1024, 3072, layers: 28, heads: 16, 8, of: 128, context: 40_960)),
        (
            "llama3.2-1b",
            shape(128_256, 2048, 8192, layers: 16, heads: 32, 8, of: 64, context: 131_072, theta: 500_000, tied: true)
        ),
        (
            "smollm2-1.7b",
            shape(49152, 2048, 8192, layers: 24, heads: 32, 32, of: 64, context: 8192, theta: 130_000, tied: true)
        ),
        (
            "llama3-8b",
            shape(128_256, 4096, 14336, layers: 32, heads: 32, 8, of: 128, context: 8192, theta: 500_000, tied: false)
        ),
    ]

    private static func shape(
        _ vocabulary: Int, _ hidden: Int, _ feedForward: Int, layers: Int, heads: Int, _ keyValueHeads: Int,
        of size: Int,
        context: Int, theta: Double, tied: Bool
    ) -> ModelConfiguration {
        var configuration = ModelConfiguration(
            vocabularySize: vocabulary, hiddenSize: hidden, feedForwardSize: feedForward, layerCount: layers,
            headCount: heads, keyValueHeadCount: keyValueHeads, headDimension: size, contextLength: context)
        configuration.ropeTheta = theta
        configuration.tiedEmbeddings = tied
        return configuration
    }

    private static func qwen3(
        _ vocabulary: Int, _ hidden: Int, _ feedForward: Int, layers: Int, heads: Int, _ keyValueHeads: Int,
        of size: Int,
        context: Int
    ) -> ModelConfiguration {
        var configuration = shape(
            vocabulary, hidden, feedForward, layers: layers, heads: heads, keyValueHeads, of: size, context: context,
            theta: 1_000_000, tied: true)
        configuration.family = .qwen3
        configuration.queryKeyNorm = true
        configuration.normEpsilon = 1e-6
        return configuration
    }
}

extension ParameterStore {
    /// Random weights: matrices normal with deviation √(2 / (5 hidden)) (Nguyen and Salazar, arXiv
    /// 1910.05895; 0.026 at a hidden size of 576), those that write to the residual stream divided by √(2 layers) as in
    /// GPT-2, norms 1, biases 0. Embeddings that do not also serve as the head have deviation 1, or the first layers'
    /// outputs drown them and what tells tokens apart is learned late. The same seed gives the same bits.
    convenience init(randomWeightsOf configuration: ModelConfiguration, seed: UInt64) throws(LensError) {
        try self.init(configuration)
        let small = (2 / (5 * Double(configuration.hiddenSize))).squareRoot()
        for (index, description) in descriptions.enumerated() {
            let tensor = self[description.name]
            guard description.decays else {
                tensor.fill(description.name.hasSuffix("norm.weight") ? 1 : 0)
                continue
            }
            let residual = description.name.hasSuffix("o_proj.weight") || description.name.hasSuffix("down_proj.weight")
            let ownEmbedding = description.name.hasSuffix("embed_tokens.weight") && !configuration.tiedEmbeddings
            let deviation =
                ownEmbedding ? 1 : small / (residual ? (2 * Double(configuration.layerCount)).squareRoot() : 1)
            var generator = SeededGenerator(seed: seed, stream: UInt64(index))
            tensor.fillNormal(deviation: deviation, generator: &generator)
        }
    }
}

extension LanguageModel {
    /// A model of random weights, from which training starts: the same seed gives the same bits. `.machine` when there is
    /// no memory for it.
    public convenience init(randomWeightsOf configuration: ModelConfiguration, seed: UInt64) throws(LensError) {
        try configuration.check(path: "The model")
        self.init(unshared: try ParameterStore(randomWeightsOf: configuration, seed: seed))
    }
}

extension TrainableModel {
    /// A model of random weights: the same seed gives the same bits. `.machine` when there is no memory for it.
    public convenience init(randomWeightsOf configuration: ModelConfiguration, seed: UInt64) throws(LensError) {
        try configuration.check(path: "The model")
        self.init(try ParameterStore(randomWeightsOf: configuration, seed: seed))
    }
}
