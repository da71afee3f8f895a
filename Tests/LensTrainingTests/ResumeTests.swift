import LensSupport
import LensTraining
import Testing

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
        other.learningRate = 0.5
        other.scheme = "dense:lambda=0.5"
        other.beta1 = 0.8
        let error = train(other).error
        #expect(error?.kind == .usage)
        for key in ["learning-rate was 0.01, is 0.5", "scheme was", "beta1 was"] {
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
