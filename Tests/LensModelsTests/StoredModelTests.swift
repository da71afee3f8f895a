import LensFormats
import LensKernels
import LensModels

/// What the tests of models share that compute with the weights of their file.
protocol StoredModelTests {}

extension StoredModelTests {
    static var tokens: [Int32] { (0..<97).map { Int32($0 * $0 * 31 % 101) } }

    func model(
        _ source: some ModelSource, _ compute: Compute, lowMemory: Bool = false, on runtime: Runtime = .shared
    ) throws -> LanguageModel {
        let layout = try WeightLayout(
            of: source, as: source.configuration, compute: compute, lowMemory: lowMemory)
        return try LanguageModel(reading: source, layout, on: runtime)
    }

    func losses(
        _ model: LanguageModel, _ tokens: [Int32] = tokens, on runtime: Runtime = .shared
    ) throws -> [Float] {
        try InferencePass(model, contextLength: tokens.count, on: runtime).losses(tokens)
    }

    func mean(_ losses: [Float]) -> Double {
        losses.reduce(0) { $0 + Double($1) } / Double(losses.count)
    }

    /// Of two computations of the same losses, one by one.
    func differences(_ a: [Float], _ b: [Float]) -> [Double] {
        zip(a, b).map { abs(Double($0) - Double($1)) }
    }
}
