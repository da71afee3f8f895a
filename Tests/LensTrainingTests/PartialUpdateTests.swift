import LensSupport
import LensTraining
import Testing

/// Asks for a stop when sequence `sequence` of update `step` comes to its backward pass.
private final class StopInside: TrainingObserver {
    let stop = StopRequest()
    private let step, sequence: Int
    private(set) var seen: [UpdateProgress] = []
    private(set) var warnings: [String] = []

    init(step: Int, sequence: Int) { (self.step, self.sequence) = (step, sequence) }

    func updateProgressed(_ progress: UpdateProgress, of steps: Int) {
        seen.append(progress)
        if progress.step == step && progress.sequence == sequence && progress.phase == .backward { stop.request() }
    }

    func warning(_ message: String) { warnings.append(message) }

    func train(_ settings: TrainingSettings) -> LensError? {
        lensError { try Trainer.run(settings, observer: self, stop: stop) }
    }
}

@Suite struct PartialUpdateTests {
    private func settings(_ folder: String, _ output: String, scheme: String) throws -> TrainingSettings {
        var settings = try shortRun(folder, output: output)
        settings.scheme = scheme
        if scheme == "uniform" { settings.scorerContext = nil }
        (settings.accumulate, settings.steps) = (5, 4)
        return settings
    }

    /// Stopped after k of five sequences of the first, the second or the last update, and resumed: the bits, and the
    /// metrics but for times, of a run without interruption.
    @Test(arguments: ["uniform", "dense:lambda=0.5", "sparse:kappa=0.3"], [(1, 1), (1, 4), (2, 2), (4, 3)])
    func aResumedUpdateIsBitIdentical(scheme: String, stop: (step: Int, sequence: Int)) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let whole = try settings(folder, "whole", scheme: scheme)
        #expect(train(whole).error == nil)
        var parts = try settings(folder, "parts", scheme: scheme)
        let error = StopInside(step: stop.step, sequence: stop.sequence).train(parts)
        #expect(error?.kind == .interrupted)
        let name = "step-\(stop.step - 1)+\(stop.sequence)"
        #expect(error?.message.contains(name) == true, "\(error?.message ?? "")")
        #expect(names(parts.output + "/checkpoints").contains(name))
        #expect(try MetricsLine.read(parts.output).count == stop.step - 1)
        parts.resume = true
        let (recorder, none) = train(parts)
        #expect(
            none == nil
                && recorder.overview?.position == TrainingPosition(step: stop.step - 1, sequences: stop.sequence))
        #expect(tensorBytes(parts.output, step: 4) == tensorBytes(whole.output, step: 4))
        let lines = try MetricsLine.read(parts.output)
        #expect(try lines.map(\.reproducible) == MetricsLine.read(whole.output).map(\.reproducible))
        // One inside an update lasts until the next.
        #expect(!names(parts.output + "/checkpoints").contains(name))
    }

    /// Stopped twice in the same update.
    @Test func anUpdateCanBeStoppedAgain() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let whole = try settings(folder, "whole", scheme: "dense")
        #expect(train(whole).error == nil)
        var parts = try settings(folder, "parts", scheme: "dense")
        #expect(StopInside(step: 3, sequence: 1).train(parts)?.kind == .interrupted)
        parts.resume = true
        #expect(StopInside(step: 3, sequence: 4).train(parts)?.kind == .interrupted)
        #expect(names(parts.output + "/checkpoints").filter { $0.contains("+") } == ["step-2+4"])
        #expect(train(parts).error == nil)
        #expect(tensorBytes(parts.output, step: 4) == tensorBytes(whole.output, step: 4))
    }

    /// The whole checkpoint before it is kept, and taken when the one inside the update is damaged.
    @Test(arguments: ["gradients.safetensors", "model.safetensors", "state.json"])
    func aDamagedOneCostsItsSequencesAlone(file: String) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let whole = try settings(folder, "whole", scheme: "uniform")
        #expect(train(whole).error == nil)
        var parts = try settings(folder, "parts", scheme: "uniform")
        #expect(StopInside(step: 3, sequence: 2).train(parts)?.kind == .interrupted)
        let path = "\(parts.output)/checkpoints/step-2+2/\(file)"
        var bytes = contents(path)
        #expect(!bytes.isEmpty)
        bytes[bytes.count - 3] ^= 1
        try writeBytes(bytes, path)
        parts.resume = true
        let (recorder, error) = train(parts)
        #expect(error == nil && recorder.overview?.position == TrainingPosition(step: 2))
        #expect(recorder.warnings.contains { $0.contains(file) && $0.contains("step 2") })
        #expect(tensorBytes(parts.output, step: 4) == tensorBytes(whole.output, step: 4))
    }

    @Test func progressNamesEverySequenceAndPhase() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let observer = StopInside(step: 9, sequence: 9)
        #expect(observer.train(try settings(folder, "out", scheme: "dense")) == nil)
        let begun = observer.seen.filter { $0.fraction == 0 }
        #expect(begun.count == 4 * 5 * 3)
        #expect(begun.prefix(4).map(\.phase) == [.forward, .scoring, .backward, .forward])
        #expect(begun.prefix(4).map(\.sequence) == [1, 1, 1, 2] && begun.allSatisfy { $0.sequences == 5 })
        for phase in [UpdateProgress.Phase.forward, .scoring, .backward] {
            #expect(observer.seen.count { $0.phase == phase && $0.fraction == 1 } == 20)
        }
    }

    @Test func aStopBeforeTheFirstUpdateSavesNothing() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let settings = try settings(folder, "out", scheme: "uniform")
        let stop = StopRequest()
        stop.request()
        let error = lensError { try Trainer.run(settings, stop: stop) }
        #expect(error?.kind == .interrupted && error?.message.contains("before the first update") == true)
        #expect(names(settings.output + "/checkpoints").isEmpty)
    }

    @Test func namesOfPositions() {
        #expect(TrainingPosition(step: 12) < TrainingPosition(step: 12, sequences: 3))
        #expect(TrainingPosition(step: 12, sequences: 3) < TrainingPosition(step: 13))
        #expect("\(TrainingPosition(step: 12, sequences: 1))" == "step 12 and 1 sequence of step 13")
        #expect("\(TrainingPosition(step: 0, sequences: 2))" == "2 sequences of step 1")
    }

    /// Other folders' names are passed over, whatever numbers they have.
    @Test func namesOfOtherFolders() throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let names = [
            "step-9223372036854775807", "step-9223372036854775807+1", "step-1+9223372036854775807", "step-2147483648",
            "step-0", "step-0+0", "step-1+-1", "step-+1", "step-", "step-01", "step-1+2+3",
        ]
        for name in names { try Folders.create("\(folder)/\(name)") }
        #expect(CheckpointStore.positions(in: folder).isEmpty)
        for name in ["step-2147483647", "step-0+1"] { try Folders.create("\(folder)/\(name)") }
        let expected = [TrainingPosition(step: 0, sequences: 1), TrainingPosition(step: 2_147_483_647)]
        #expect(CheckpointStore.positions(in: folder) == expected)
    }

    /// Numbers that no run comes to, with checksums that are right.
    @Test(arguments: [
        (9_223_372_036_854_775_807, 1), (1, 9_223_372_036_854_775_807), (2_147_483_648, 0), (-1, 2), (1, -1), (0, 0),
    ])
    func impossiblePositionsAreRefused(_ step: Int, _ sequences: Int) throws {
        let folder = try temporaryFolder()
        defer { remove(folder) }
        let store = CheckpointStore(path: folder, keep: 1)
        let partial =
            #"{"sequences":\#(sequences),"loss":0,"nll":0,"weightStandardDeviation":0,"weightNonzero":0,"seconds":0}"#
        let state =
            #"{"format":2,"step":\#(step),"steps":9,"instructionSet":"scalar","settings":{},"data":"","model":"","#
            + #""scorer":"","partial":\#(partial)}"#
        try Folders.create("\(folder)/step-1")
        var list = ""
        for (name, text) in [
            ("model.safetensors", ""), ("first_moment.safetensors", ""), ("second_moment.safetensors", ""),
            ("state.json", state),
        ] {
            try writeBytes(Array(text.utf8), "\(folder)/step-1/\(name)")
            list += "\(checksum(text)) \(text.utf8.count) \(name)\n"
        }
        try writeBytes(Array((list + checksum(list) + "\n").utf8), "\(folder)/step-1/checksums")
        let error = lensError { _ = try store.verify(1) }
        #expect(error?.kind == .data && error?.message.contains("nothing that a run comes to") == true)
    }

    private func checksum(_ text: String) -> String {
        var sum = Checksum()
        unsafe Array(text.utf8).withUnsafeBytes { unsafe sum.update($0) }
        return sum.hexadecimal
    }
}
