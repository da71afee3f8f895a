import LensSupport
import LensTraining
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

func metrics(_ step: Int) -> StepMetrics {
    StepMetrics(
        step: step, loss: 1.25, nll: 1.5 / Double(step), weightStandardDeviation: 0.5, weightNonzero: 1,
        gradientNorm: 2,
        learningRate: 2e-5, tokens: 128, stepSeconds: 0.1, tokensPerSecond: 1280, peakResidentBytes: 4096)
}

@Suite struct OutputTests {
    @Test func aLineOfMetrics() {
        #expect(
            metrics(1).json
                == "{\"step\": 1, \"loss\": 1.25, \"nll\": 1.5, \"weight_std\": 0.5, \"weight_nonzero\": 1.0, "
                + "\"grad_norm\": 2.0, \"learning_rate\": 2e-05, \"tokens\": 128, \"step_seconds\": 0.1, \"scorer_seconds\": 0.0, "
                + "\"tokens_per_second\": 1280.0, \"peak_rss_bytes\": 4096}"
        )
    }

    private func lines(_ steps: ClosedRange<Int>) -> String { steps.map { metrics($0).json + "\n" }.joined() }

    /// A log of ten updates, with the given end, continued after an update.
    @Test(arguments: [
        (end: "", after: 4, kept: 4), ("", 10, 10), ("", 12, 10), ("", 0, 0), ("{\"step\": 11, \"lo", 10, 10),
        ("{\"step\": 11, \"lo", 11, 10),
        ("garbage\n", 10, 10), ("{\"step\": 11}", 11, 10),
    ])
    func linesPastTheCheckpointAreCutOff(end: String, after: Int, kept: Int) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let path = folder + "/metrics.jsonl"
        try writeBytes(Array((lines(1...10) + end).utf8), path)
        let log = try MetricsLog(path: path, continuingAfter: after)
        try log.append(metrics(kept + 1))
        try log.flush()
        #expect(String(decoding: contents(path), as: UTF8.self) == lines(1...(kept + 1)))
    }

    /// A damaged line takes no good one with it, and is named.
    @Test func damagedLinesAloneAreLeftOut() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let path = folder + "/metrics.jsonl"
        var text = (1...6).map { metrics($0).json }
        text[1] = "damaged"
        text[4] = String(text[4].prefix(40))
        try writeBytes(Array((text.joined(separator: "\n") + "\n").utf8), path)
        var warnings: [String] = []
        let log = try MetricsLog(path: path, continuingAfter: 5) { warnings.append($0) }
        try log.append(metrics(6))
        #expect(
            String(decoding: contents(path), as: UTF8.self) == [1, 3, 4, 6].map { metrics($0).json + "\n" }.joined())
        #expect(warnings.count == 1 && warnings.first?.contains("lines 2, 5") == true)
    }

    /// A link in the place of the log: nothing is written to what it leads to.
    @Test(arguments: [0, 3])
    func aLinkIsNotFollowed(step: Int) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let (path, target) = (folder + "/metrics.jsonl", folder + "/target")
        try writeBytes(Array(lines(1...5).utf8), target)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        var warnings: [String] = []
        let log = try MetricsLog(path: path, continuingAfter: step) { warnings.append($0) }
        try log.append(metrics(step + 1))
        #expect(String(decoding: contents(target), as: UTF8.self) == lines(1...5))
        #expect(String(decoding: contents(path), as: UTF8.self) == lines(1...(step + 1)))
        #expect(warnings.count == 1 && warnings.first?.contains("was a link") == true)
    }

    @Test func aFolderServesOneRunAtATime() throws {
        let parent = try temporaryFolder()
        defer { remove(parent) }
        let folder = parent + "/a/b"
        do {
            let first = try OutputFolder(path: folder)
            let error = lensError { _ = try OutputFolder(path: folder) }
            #expect(error?.kind == .usage && error?.message.contains("in use") == true)
            _ = first.path
        }
        _ = try OutputFolder(path: folder)
    }

    @Test func aFileIsNoFolder() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        try writeBytes([1], folder + "/x")
        #expect(lensError { _ = try OutputFolder(path: folder + "/x") }?.kind == .usage)
    }

    /// What would keep a checkpoint or the model from being written is found before the first update.
    @Test(arguments: [
        ("checkpoints", "file"), ("checkpoints", "dangling"), ("checkpoints", "closed"), ("model", "file"),
        ("model", "dangling"), ("model", "closed"), ("model.gguf", "folder"), ("model.gguf", "dangling"),
        ("metrics.jsonl", "folder"), ("recipe.yaml", "folder"),
    ]) func whatIsInTheWayIsFoundFirst(name: String, what: String) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        var settings = try shortRun(folder, output: "out")
        settings.export = .gguf
        settings.resume = true  // a new run refuses any model that is there
        let path = settings.output + "/" + name
        try Folders.create(settings.output)
        switch what {
        case "file": try writeBytes([1], path)
        case "folder": try Folders.create(path + "/other")
        // Nobody can make a folder there, not even the superuser.
        case "closed":
            try FileManager.default.createSymbolicLink(
                atPath: path, withDestinationPath: "/proc/self\(name == "model" ? "/new" : "")")
        default: try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: "nowhere/at/all")
        }
        let (recorder, error) = train(settings)
        #expect(error?.kind == .io && error?.message.contains(path) == true, "\(error?.message ?? "no error")")
        #expect(recorder.steps.isEmpty && recorder.overview?.steps ?? 6 == 6)
    }

    /// Checkpoints may lie on another disk.
    @Test func aLinkToAFolderHoldsTheCheckpoints() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try shortRun(folder, output: "out")
        try Folders.create(settings.output)
        try Folders.create(folder + "/elsewhere")
        try FileManager.default.createSymbolicLink(
            atPath: settings.output + "/checkpoints", withDestinationPath: "../elsewhere")
        #expect(train(settings).error == nil)
        #expect(CheckpointStore.steps(in: folder + "/elsewhere") == [4, 6])
    }

    @Test func memoryIsCounted() {
        #expect(SystemMemory.available > 1 << 20)
        #expect(SystemMemory.peakResident > 1 << 20)
    }
}
