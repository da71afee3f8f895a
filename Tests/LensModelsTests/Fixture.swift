import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import Testing

/// A small random model with what PyTorch computed of it; see scripts/oracle/make_model_fixtures.py.
struct Fixture {
    static let families = ["llama", "llama-tied-rope3", "qwen2", "qwen3", "mistral", "qwen3-windows"]

    struct Expected: Decodable {
        let tokens: [Int32]
        let weights: [Float]
        let nll: [Double]
        let loss: Double
        let positions: [Int]
        let logits: [[Double]]
    }

    let folder: String
    let model: LanguageModel
    /// The same weights, to be trained.
    let trainable: TrainableModel
    let expected: Expected

    init(_ name: String) throws {
        folder = Fixture.path(name)
        model = try Pretrained.load(path: folder).model
        trainable = try TrainableModel(copying: model)
        expected = try JSONDecoder().decode(
            Expected.self, from: Data(contentsOf: URL(filePath: folder + "/expected.json")))
    }

    static func path(_ name: String) -> String {
        Bundle.module.resourceURL.map { $0.appending(path: "Fixtures/\(name)").path() } ?? name
    }

    func gradients(
        _ policy: RecomputePolicy, tokens: [Int32]? = nil, weights: [Float]? = nil, scale: Float = 1,
        on runtime: Runtime = .shared
    ) throws -> (losses: [Float], gradients: ParameterStore) {
        let tokens = tokens ?? expected.tokens
        let gradients = try ParameterStore(model.configuration)
        let pass = try TrainingPass(
            trainable, gradients: gradients, contextLength: tokens.count, recompute: policy,
            spillFile: try spillFile(model.configuration, contextLength: tokens.count, policy), on: runtime)
        let losses = try pass.forward(tokens)
        try pass.backward(weights: weights ?? expected.weights, scale: scale)
        return (losses, gradients)
    }
}

/// The file that a policy needs, in the temporary folder.
func spillFile(
    _ configuration: ModelConfiguration, contextLength: Int, _ policy: RecomputePolicy
) throws -> SpillFile? {
    guard policy.spills else { return nil }
    return try SpillFile(
        folder: FileManager.default.temporaryDirectory.path(),
        byteCount: TrainingPass.spilledByteCount(configuration, contextLength: contextLength, recompute: policy),
        for: "the inputs of the layers")
}

extension RecomputePolicy {
    /// Every policy with exact inputs: all give the same bits.
    static func exact(layerCount: Int) -> [RecomputePolicy] {
        leanestFirst(layerCount: layerCount) + leanestFirst(layerCount: layerCount, spills: true).filter(\.spills)
    }
}

func largestDifference(_ ours: [Float], _ theirs: [Double]) -> Double {
    guard ours.count == theirs.count else { return .infinity }
    return zip(ours, theirs).map { abs(Double($0) - $1) }.max() ?? 0
}

/// Compared here and not in the expectation, which would print every element of a difference.
func sameBits(_ a: Matrix, _ b: Matrix) -> Bool {
    unsafe a.count == b.count && zip(a.elements, b.elements).allSatisfy { $0.bitPattern == $1.bitPattern }
}

extension SafetensorsFile {
    /// The values of an fp32 tensor.
    func floats(_ name: String) throws -> [Float] {
        let tensor = try #require(tensors[name])
        return unsafe bytes(of: tensor).withMemoryRebound(to: Float.self) { unsafe Array($0) }
    }
}
