import LensSupport
import LensTraining
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Does something after an update.
private final class Cutter: TrainingObserver {
    private let step: Int
    private let body: () -> Void

    init(after step: Int, _ body: @escaping () -> Void) { (self.step, self.body) = (step, body) }

    func stepFinished(_ metrics: StepMetrics, of steps: Int) { if metrics.step == step { body() } }
}

/// Scores of the twenty sequences of ``shortRun(_:output:model:)``, all numbers of one width.
private func scoreLines(shift: Int = 0) throws -> [UInt8] {
    var text = ""
    for (index, tokens) in try ReferenceCurve.load("llama").sequences.enumerated() {
        let losses = (1..<tokens.count).map { "\(1 + (index * 7 + $0 * 3 + shift) % 8).5" }.joined(separator: ",")
        text += "{\"document\":\"doc\(index)\",\"sequence\":0,\"tokens\":\(tokens),\"nll\":[\(losses)]}\n"
    }
    return Array(text.utf8)
}

private func checksum(_ bytes: [UInt8]) -> String {
    var sum = Checksum()
    unsafe bytes.withUnsafeBytes { unsafe sum.update($0) }
    return sum.hexadecimal
}

private func checksumLine(_ folder: String, _ name: String) -> String {
    let bytes = contents(folder + "/" + name)
    return "\(checksum(bytes)) \(bytes.count) \(name)\n"
}

private func rename(_ path: String, _ other: String) {
    remove(other)
    try? FileManager.default.moveItem(atPath: path, toPath: other)
}

@Suite struct ResumeTests {
    /// Stopped after an update and resumed, as often as asked: every bit is as in a run without interruption.
    @Test(arguments: [[3], [2], [1, 4], [5]])
    func aResumedRunIsBitIdentical(stops: [Int]) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var whole = try shortRun(folder, output: "whole")
        whole.scheme = "sparse:kappa=0.3"
        #expect(train(whole).error == nil)
        var parts = whole
        parts.output = folder + "/parts"
        for stop in stops {
            let (recorder, error) = train(parts, stopAfter: stop)
            #expect(error?.kind == .interrupted && recorder.saved.last == stop && recorder.models.isEmpty)
            parts.resume = true
        }
        let (recorder, error) = train(parts)
        #expect(error == nil && recorder.overview?.stepsDone == stops.last)
        #expect(tensorBytes(parts.output, step: 6) == tensorBytes(whole.output, step: 6))
        #expect(!tensorBytes(whole.output, step: 6)[0].isEmpty)
        let lines = try MetricsLine.read(parts.output)
        #expect(try lines.map(\.reproducible) == MetricsLine.read(whole.output).map(\.reproducible))
        #expect(
            contents(parts.output + "/model/model.safetensors") == contents(whole.output + "/model/model.safetensors"))
    }

    /// The newest checkpoint is damaged: the run goes back to the one before, cuts the metrics and ends the same.
    @Test func aDamagedCheckpointCostsItsUpdatesAlone() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let whole = try shortRun(folder, output: "whole")
        #expect(train(whole).error == nil)
        var parts = whole
        parts.output = folder + "/parts"
        #expect(train(parts, stopAfter: 5).error?.kind == .interrupted)
        let path = parts.output + "/checkpoints/step-5/first_moment.safetensors"
        var bytes = contents(path)
        bytes[bytes.count - 5] ^= 4
        try writeBytes(bytes, path)
        parts.resume = true
        let (recorder, error) = train(parts)
        #expect(error == nil && recorder.overview?.stepsDone == 4)
        #expect(recorder.warnings.contains { $0.contains("step-5") && $0.contains("first_moment") })
        #expect(tensorBytes(parts.output, step: 6) == tensorBytes(whole.output, step: 6))
        #expect(try MetricsLine.read(parts.output).map(\.step) == Array(1...6))
    }

    @Test func otherSettingsAreRefusedByName() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let first = try shortRun(folder, output: "out")
        #expect(train(first, stopAfter: 2).error?.kind == .interrupted)
        var other = first
        other.resume = true
        other.clip = 0.5
        other.scheme = "dense:lambda=0.5"
        other.beta1 = 0.8
        let error = train(other).error
        #expect(error?.kind == .usage)
        for key in ["clip was 1.0, is 0.5", "scheme was", "beta1 was"] {
            #expect(error?.message.contains(key) == true)
        }
        #expect(error?.message.contains("beta2") == false)

        var otherData = first
        otherData.resume = true
        var sequences = try ReferenceCurve.load("llama").sequences
        sequences[7][9] = 5
        otherData.data = [try writeDocuments(sequences, in: folder, name: "other.jsonl")]
        #expect(train(otherData).error?.message.contains("data: the sequences are others") == true)

        var otherModel = first
        otherModel.resume = true
        otherModel.ropeTheta = 1e6
        #expect(train(otherModel).error?.message.contains("rope-theta was not set, is 1000000.0") == true)
    }

    /// What acts on the updates to come alone may change: it is said, and recorded in the checkpoints.
    @Test func theLearningRateMayChangeFromThereOn() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let first = try shortRun(folder, output: "out")
        #expect(train(first, stopAfter: 3).error?.kind == .interrupted)
        let before = try MetricsLine.read(first.output).map(\.reproducible)
        var other = first
        (other.resume, other.learningRate, other.warmup, other.schedule) = (true, 0.02, 0, .linear)
        let (recorder, error) = train(other)
        #expect(error == nil)
        for change in ["learning-rate was 0.01", "warmup was 2", "schedule was constant"] {
            #expect(recorder.warnings.contains { $0.contains(change) && $0.contains("step 3") })
        }
        let lines = try MetricsLine.read(first.output)
        #expect(lines.prefix(3).map(\.reproducible) == before && lines[3].learning_rate == 0.02 * (1 - 3.0 / 6))
        let state = String(decoding: contents(first.output + "/checkpoints/step-6/state.json"), as: UTF8.self)
        #expect(state.contains("learning-rate was 0.01 up to step 3"))
        let recipe = String(decoding: contents(first.output + "/recipe.yaml"), as: UTF8.self)
        #expect(recipe.contains("learning-rate: 0.02"))
    }

    /// Checkpoints of the first format had neither changes nor gradients.
    @Test func checkpointsOfTheFirstFormatAreRead() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try shortRun(folder, output: "out")
        #expect(train(settings, stopAfter: 2).error?.kind == .interrupted)
        let step = settings.output + "/checkpoints/step-2"
        let state = String(decoding: contents(step + "/state.json"), as: UTF8.self)
        #expect(state.contains("\"format\" : 2"))
        // As the first format wrote it, with its checksum.
        try writeBytes(Array(state.replacing("\"format\" : 2", with: "\"format\" : 1").utf8), step + "/state.json")
        let lines = String(decoding: contents(step + "/checksums"), as: UTF8.self).split(separator: "\n").dropLast()
        let text = lines.map { $0.hasSuffix("state.json") ? checksumLine(step, "state.json") : $0 + "\n" }.joined()
        try writeBytes(Array((text + checksum(Array(text.utf8)) + "\n").utf8), step + "/checksums")
        var again = settings
        again.resume = true
        let (recorder, error) = train(again)
        #expect(error == nil && recorder.overview?.stepsDone == 2 && recorder.warnings.isEmpty)
    }

    /// An error in mid-run: what was done before is saved, and nothing older is pushed out.
    @Test func anErrorInMidRunSavesWhatIsDone() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        (settings.saveEvery, settings.keep, settings.warmup, settings.accumulate) = (100, 1, 0, 1)
        let scores = folder + "/scores.any"
        try writeBytes(try scoreLines(), scores)
        (settings.scorer, settings.scorerContext) = (scores, nil)
        let whole = settings
        #expect(train(whole).error == nil)
        settings.output = folder + "/cut"
        let cutter = Cutter(after: 3) { try? writeBytes([], scores) }
        let error = lensError { try Trainer.run(settings, observer: cutter) }
        #expect(error?.kind == .data && error?.message.contains("step-3") == true, "\(error?.message ?? "")")
        #expect(names(settings.output + "/checkpoints") == ["step-3"])
        try writeBytes(try scoreLines(), scores)
        settings.resume = true
        #expect(train(settings).error == nil)
        #expect(tensorBytes(settings.output, step: 6) == tensorBytes(whole.output, step: 6))
    }

    /// Another file of the same name, and the same file with other losses: the weights never change.
    @Test func theScoreFileIsTheOneThatWasOpened() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "whole")
        (settings.scorer, settings.scorerContext) = (folder + "/scores.txt", nil)
        let scores = folder + "/scores.txt"
        try writeBytes(try scoreLines(), scores)
        #expect(train(settings).error == nil)
        let weights = tensorBytes(settings.output, step: 6)
        settings.output = folder + "/moved"
        let other = try scoreLines(shift: 1)
        let mover = Cutter(after: 2) {
            try? writeBytes(other, scores + ".new")
            rename(scores + ".new", scores)
        }
        #expect(lensError { try Trainer.run(settings, observer: mover) } == nil)
        #expect(tensorBytes(settings.output, step: 6) == weights)
        try writeBytes(try scoreLines(), scores)
        settings.output = folder + "/changed"
        let writer = Cutter(after: 2) { try? writeBytes(other, scores) }
        let error = lensError { try Trainer.run(settings, observer: writer) }
        #expect(error?.kind == .data && error?.message.contains("was changed while it was in use") == true)
        #expect(
            CheckpointStore.positions(in: settings.output + "/checkpoints").last ?? TrainingPosition(step: 0)
                >= TrainingPosition(step: 2))
    }

    /// Saving less often, keeping more, moved data and a longer run change no bit that was computed before.
    @Test func harmlessSettingsMayChange() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var whole = try shortRun(folder, output: "whole")
        whole.steps = 8
        #expect(train(whole).error == nil)
        var parts = whole
        parts.output = folder + "/parts"
        parts.steps = 4
        #expect(train(parts).error == nil)
        parts.resume = true
        parts.steps = 8
        parts.saveEvery = 3
        parts.keep = 5
        parts.scheme = "dense"
        parts.data = [try writeDocuments(ReferenceCurve.load("llama").sequences, in: folder, name: "moved.jsonl")]
        let (recorder, error) = train(parts)
        #expect(error == nil && recorder.saved == [6, 8])
        #expect(tensorBytes(parts.output, step: 8) == tensorBytes(whole.output, step: 8))
        parts.steps = 3
        #expect(train(parts).error?.message.contains("already at step 8") == true)
    }

    @Test func aFinishedRunResumedWritesItsModelAgain() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        #expect(train(settings).error == nil)
        let model = contents(settings.output + "/model/model.safetensors")
        remove(settings.output + "/model")
        settings.resume = true
        let (recorder, error) = train(settings)
        #expect(error == nil && recorder.steps.isEmpty && recorder.models.count == 1)
        #expect(contents(settings.output + "/model/model.safetensors") == model)
    }

    @Test func anOldRunIsNotWrittenOver() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        #expect(train(settings, stopAfter: 2).error?.kind == .interrupted)
        let error = train(settings).error
        #expect(error?.kind == .usage && error?.message.contains("--resume") == true)
        remove(settings.output)
        // Nothing there yet: --resume starts from the beginning, and says so.
        settings.resume = true
        let (recorder, none) = train(settings)
        #expect(none == nil && recorder.warnings.count == 1)
    }

    @Test func leftoversOfAKilledRunAreCleared() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        #expect(train(settings, stopAfter: 2).error?.kind == .interrupted)
        try writeBytes([1], settings.output + "/checkpoints/step-3.part")
        try writeBytes([1], settings.output + "/recipe.yaml.123.part")
        settings.resume = true
        #expect(train(settings).error == nil)
        #expect(names(settings.output) == [".lock", "checkpoints", "metrics.jsonl", "model", "recipe.yaml"])
        #expect(names(settings.output + "/checkpoints") == ["step-4", "step-6"])
    }
}
