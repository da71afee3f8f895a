import LensKernels
import LensModels
import LensSupport
import LensTraining

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The committed models with their reference values.
func fixture(_ name: String) -> String {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return tests.appending(path: "LensModelsTests/Fixtures/\(name)").path(percentEncoded: false)
}

/// Training curves that PyTorch made in double precision (scripts/oracle/make_model_fixtures.py).
struct ReferenceCurve: Decodable {
    struct Settings: Decodable {
        let accumulate: Int
        let learning_rate: Double
        let warmup: Int
        let beta1, beta2, epsilon: Double
        let weight_decay: Double
        let clip: Double
    }
    struct Step: Decodable {
        let loss, nll, weight_std, grad_norm: Double
    }
    struct Run: Decodable {
        let settings: Settings
        let steps: [Step]
        let final_norms: [String: Double]
        let scheme: String?
        let context, stride: Int?
    }
    let sequences: [[Int32]]
    let uniform: Run
    let dense_self: Run?

    static func load(_ name: String) throws -> ReferenceCurve {
        try JSONDecoder().decode(ReferenceCurve.self, from: Data(contents(fixture(name) + "/curve.json")))
    }
}

/// A line of metrics.jsonl.
struct MetricsLine: Decodable {
    let step: Int
    let loss, nll, weight_std, weight_nonzero, grad_norm, learning_rate: Double
    let tokens: Int
    let step_seconds, tokens_per_second: Double
    let peak_rss_bytes: Int

    static func read(_ output: String) throws -> [MetricsLine] {
        try contents(output + "/metrics.jsonl").split(separator: UInt8(ascii: "\n")).map {
            try JSONDecoder().decode(MetricsLine.self, from: Data($0))
        }
    }

    /// What must not depend on time and machine.
    var reproducible: [Double] {
        [Double(step), loss, nll, weight_std, weight_nonzero, grad_norm, learning_rate, Double(tokens)]
    }
}

/// Writes token sequences as documents and returns the file's path.
func writeDocuments(_ sequences: [[Int32]], in folder: String, name: String = "data.jsonl") throws -> String {
    let path = folder + "/" + name
    let lines = sequences.enumerated().map { "{\"id\": \"doc\($0)\", \"tokens\": \($1)}\n" }
    try writeBytes(Array(lines.joined().utf8), path)
    return path
}

/// Settings of a short run of the llama fixture on twenty sequences of 48 tokens.
func shortRun(_ folder: String, output: String, model: String = "llama") throws -> TrainingSettings {
    let curve = try ReferenceCurve.load(model)
    var settings = TrainingSettings(
        model: fixture(model), data: [try writeDocuments(curve.sequences, in: folder)], output: folder + "/" + output,
        contextLength: 48, scheme: "dense:lambda=0.75")
    settings.scorerContext = 16
    settings.learningRate = 1e-2
    settings.warmup = 2
    settings.accumulate = 2
    settings.steps = 6
    settings.saveEvery = 2
    settings.seed = 3
    return settings
}

/// Remembers what a run reports, and asks it to stop after an update.
final class Recorder: TrainingObserver {
    var overview: TrainingOverview?
    var steps: [StepMetrics] = []
    var saved: [Int] = []
    var models: [String] = []
    var warnings: [String] = []
    let stop = StopRequest()
    let stopAfter: Int?

    init(stopAfter: Int? = nil) { self.stopAfter = stopAfter }

    func trainingStarts(_ overview: TrainingOverview) { self.overview = overview }
    func stepFinished(_ metrics: StepMetrics, of steps: Int) {
        self.steps.append(metrics)
        if metrics.step == stopAfter { stop.request() }
    }
    func checkpointSaved(step: Int, path: String) { saved.append(step) }
    func modelSaved(path: String) { models.append(path) }
    func warning(_ message: String) { warnings.append(message) }
}

/// Runs and returns what was reported; a thrown error is handed back beside it.
func train(
    _ settings: TrainingSettings, on runtime: Runtime = .shared, stopAfter: Int? = nil
) -> (recorder: Recorder, error: LensError?) {
    let recorder = Recorder(stopAfter: stopAfter)
    do throws(LensError) {
        try Trainer.run(settings, on: runtime, observer: recorder, stop: recorder.stop)
        return (recorder, nil)
    } catch {
        return (recorder, error)
    }
}

/// The tensors of the checkpoint after `step`, byte for byte.
func tensorBytes(_ output: String, step: Int) -> [[UInt8]] {
    ["model", "first_moment", "second_moment"].map { contents("\(output)/checkpoints/step-\(step)/\($0).safetensors") }
}
