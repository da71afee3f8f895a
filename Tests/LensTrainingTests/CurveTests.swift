import LensFormats
import LensTraining
import LensTestSupport
import Testing

/// Whole runs against PyTorch: loss, weights, gradient norm of ten updates and the weights after them.
@Suite struct CurveTests {
    private func compare(_ model: String, _ run: ReferenceCurve.Run, _ sequences: [[Int32]], scheme: String) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = TrainingSettings(
            model: fixture(model), data: [try writeDocuments(sequences, in: folder)], output: folder + "/out",
            contextLength: 48, scheme: scheme)
        settings.scorerContext = run.context
        settings.scorerStride = run.stride
        settings.accumulate = run.settings.accumulate
        settings.learningRate = run.settings.learning_rate
        settings.warmup = run.settings.warmup
        (settings.beta1, settings.beta2) = (run.settings.beta1, run.settings.beta2)
        settings.epsilon = run.settings.epsilon
        settings.weightDecay = run.settings.weight_decay
        settings.clip = run.settings.clip
        settings.shuffle = false
        let result = train(settings)
        #expect(result.error == nil)
        let lines = try MetricsLine.read(settings.output)
        #expect(lines.count == run.steps.count)
        for (line, expected) in zip(lines, run.steps) {
            // fp32 rounding, grown over ten updates; weights come from small differences of losses.
            #expect(abs(line.loss - expected.loss) < 2e-4 * expected.loss, "step \(line.step)")
            #expect(abs(line.nll - expected.nll) < 2e-4 * expected.nll, "step \(line.step)")
            #expect(abs(line.weight_std - expected.weight_std) < 2e-3, "step \(line.step)")
            #expect(abs(line.grad_norm - expected.grad_norm) < 2e-3 * expected.grad_norm, "step \(line.step)")
        }
        try compareNorms(settings, run.final_norms, steps: lines.count)
    }

    private func compareNorms(_ settings: TrainingSettings, _ norms: [String: Double], steps: Int) throws {
        let weights = try SafetensorsFile(path: "\(settings.output)/checkpoints/step-\(steps)/model.safetensors")
        #expect(Set(weights.names) == Set(norms.keys))
        for (name, norm) in norms {
            let own = try weights.floats(name).reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            #expect(abs(own - norm) < 1e-3 * norm, "\(name)")
        }
    }

    @Test(arguments: ["llama", "llama-tied-rope3", "qwen2", "qwen3"])
    func uniformCrossEntropy(model: String) throws {
        let curve = try ReferenceCurve.load(model)
        try compare(model, curve.uniform, curve.sequences, scheme: "uniform")
    }

    @Test func denseWeightsOfAModelThatScoresItself() throws {
        let curve = try ReferenceCurve.load("llama")
        let run = try #require(curve.dense_self)
        try compare("llama", run, curve.sequences, scheme: try #require(run.scheme))
    }
}
