import LensCommands
import LensSupport
import Logging
import LongLens

/// Prints what a training run reports.
final class TrainingProgress: TrainingObserver {
    private let progress: ProgressLine
    private let machine: RunOptions
    private let clock = ContinuousClock()
    private var timing = TrainingTiming()
    private var overview: TrainingOverview?
    private var first: StepMetrics?
    private var last: StepMetrics?
    private var announced: TrainingPosition?
    private var lastLine: ContinuousClock.Instant
    private let start: ContinuousClock.Instant

    /// Where lines stay, a long update is told of so often.
    private static let lineInterval = Duration.seconds(30)

    init(_ machine: RunOptions) {
        self.machine = machine
        progress = ProgressLine(quiet: machine.quiet, interval: Terminal.redraws ? nil : .zero)
        start = clock.now
        lastLine = start
    }

    var wantsStepTime: Bool { !machine.quiet }

    // MARK: Beginning and end

    func trainingStarts(_ overview: TrainingOverview) {
        self.overview = overview
        lastLine = clock.now
        timing = TrainingTiming(overview, now: clock.now)
        for line in TrainingDescription(overview).lines { progress.report(line) }
        for buffer in overview.memory.summary { machine.log.debug("\(buffer.name): \(Format.bytes(buffer.byteCount))") }
    }

    /// After the run: losses, time, and where everything is.
    func report() {
        guard let overview else { return }
        let settings = overview.settings
        if let first, let last {
            let ends = first.step == last.step ? [last] : [first, last]
            let losses = ends.map { "\(Format.decimal($0.loss, 4)) at step \($0.step)" }
            progress.report(
                "\(describeCount(last.step - overview.stepsDone, "update")) in "
                    + "\(Format.duration((clock.now - start).seconds)): loss \(losses.joined(separator: ", ")); nll "
                    + ends.map { Format.decimal($0.nll, 4) }.joined(separator: ", "))
        }
        progress.report(
            "model \(settings.output)/model  metrics \(settings.output)/metrics.jsonl  checkpoints "
                + "\(settings.output)/checkpoints  settings \(settings.output)/recipe.yaml")
    }

    // MARK: On the way

    func updateProgressed(_ update: UpdateProgress, of steps: Int) {
        announce(update)
        timing.sequenceGoesOn(update, now: clock.now)
        let isDue = Terminal.redraws || clock.now - lastLine >= Self.lineInterval
        guard isDue else { return }
        lastLine = clock.now
        var parts = ["step \(update.step)/\(steps)"]
        if let left = timing.left(now: clock.now) { parts.append("left \(Format.duration(left))") }
        if update.sequences > 1 { parts.append("sequence \(update.sequence)/\(update.sequences)") }
        parts.append("\(update.phase.rawValue) \(Format.decimal(100 * update.fraction, 0)) %")
        if let last { parts.append("loss \(Format.decimal(last.loss, 4))") }
        progress.update(parts)
    }

    /// What a signal will say: once a sequence, because it is made ready beforehand.
    private func announce(_ update: UpdateProgress) {
        let position = TrainingPosition(step: update.step, sequences: update.sequence)
        guard announced != position else { return }
        announced = position
        let what =
            update.sequences > 1
            ? "sequence \(update.sequence) of \(update.sequences) of step \(update.step)" : "step \(update.step)"
        Interrupts.announce("finishing \(what), then saving")
    }

    func stepFinished(_ m: StepMetrics, of steps: Int) {
        if first == nil { first = m }
        last = m
        lastLine = clock.now
        let isFirst = timing.stepFinished(m, now: clock.now)
        let left = timing.left(now: clock.now)
        if isFirst, let left, left >= 60 { progress.report("about \(Format.duration(left)) for the updates to come") }
        var parts = ["step \(m.step)/\(steps)"]
        if let left { parts.append("left \(Format.duration(left))") }
        parts += [
            "loss \(Format.decimal(m.loss, 4))", "nll \(Format.decimal(m.nll, 4))",
            "\(Format.decimal(m.tokensPerSecond, 0)) tok/s", "lr \(Format.scientific(m.learningRate))",
            "|g| \(Format.decimal(m.gradientNorm, 3))", Format.bytes(m.peakResidentBytes),
        ]
        progress.update(parts)
        if m.step == steps { progress.clear() }
    }

    func checkpointSaved(step: Int, path: String) {
        progress.clear()
        machine.log.debug("saved \(path)")
    }

    func modelSaved(path: String) { progress.report("wrote \(path)") }

    func warning(_ message: String) {
        progress.clear()
        machine.log.warning("\(message)")
    }
}

/// How long a run will go on, from the sequences that this process has done.
struct TrainingTiming {
    private var accumulate = 1
    private var done = 0
    private var toDo = 0
    private var steps = 0
    private var begun: ContinuousClock.Instant?
    private var lastEnd: ContinuousClock.Instant?
    private var sequence: TrainingPosition?

    init() {}

    init(_ overview: TrainingOverview, now: ContinuousClock.Instant) {
        accumulate = overview.settings.accumulate
        steps = overview.steps
        toDo = steps * accumulate - overview.position.step * accumulate - overview.position.sequences
        begun = now
        lastEnd = now
    }

    mutating func sequenceGoesOn(_ update: UpdateProgress, now: ContinuousClock.Instant) {
        let position = TrainingPosition(step: update.step, sequences: update.sequence)
        if let sequence, sequence != position, update.sequence > 1 { sequenceFinished(now) }
        sequence = position
    }

    /// True for the first.
    mutating func stepFinished(_ metrics: StepMetrics, now: ContinuousClock.Instant) -> Bool {
        let before = done
        sequenceFinished(now)
        return before < accumulate && (done >= accumulate || before == 0)
    }

    private mutating func sequenceFinished(_ now: ContinuousClock.Instant) {
        done += 1
        toDo -= 1
        lastEnd = now
    }

    /// Seconds; nil before the first sequence is done.
    func left(now: ContinuousClock.Instant) -> Double? {
        guard let begun, let lastEnd, done > 0 else { return nil }
        let each = (lastEnd - begun).seconds / Double(done)
        return max(0, each * Double(toDo) - (now - lastEnd).seconds)
    }
}

/// What the start of a run says of it, a line for each thing.
private struct TrainingDescription {
    private let overview: TrainingOverview
    private var settings: TrainingSettings { overview.settings }

    init(_ overview: TrainingOverview) { self.overview = overview }

    var lines: [String] {
        var lines = [model, data, scheme, updates, memory]
        if let spilling = overview.spilling { lines.append(disk(spilling)) }
        if let time = overview.stepTime { lines.append(describeRun(time)) }
        lines.append(output)
        if overview.position > TrainingPosition(step: 0) { lines.append("resumed after \(overview.position)") }
        return lines
    }

    private var model: String {
        "model    \(settings.model): \(overview.parameterCount) parameters, made for \(overview.trainedFor) tokens"
    }

    private var data: String {
        let data = overview.data
        var text =
            "data     \(describeCount(data.documentCount, "document")), \(describeCount(data.tokenCount, "token")): "
            + "\(describeCount(data.sequenceCount, "sequence")) of \(settings.pack ? "packed documents, at most " : "")"
            + "\(settings.contextLength) tokens"
        if data.tailTokenCount > 0 {
            text += "; \(describeCount(data.tailTokenCount, "token")) at the ends of documents in no sequence"
        }
        if data.shortDocumentCount > 0 {
            text +=
                "; \(describeCount(data.shortTokenCount, "token")) in \(describeCount(data.shortDocumentCount, "document")) too short"
        }
        return text
    }

    private var scheme: String {
        var text = "scheme   \(overview.scheme)"
        guard let scorer = settings.scorer else { return text + ", no scorer" }
        text += ", scorer \(scorer)"
        if overview.scorerIsDefault { text += " (the default: the trained model itself)" }
        if let context = settings.scorerContext { text += ", context \(context)" }
        if let stride = settings.scorerStride { text += ", stride \(stride)" }
        return text
    }

    private var updates: String {
        "updates  \(overview.steps) of \(describeCount(settings.accumulate, "sequence")), learning rate "
            + "\(describeNumber(settings.learningRate)) \(settings.schedule.rawValue) after a warm-up of \(settings.warmup)"
    }

    private var memory: String {
        "memory   \(Format.bytes(overview.memory.byteCount)) planned of \(Format.bytes(overview.memoryLimit)), keeps "
            + "\(overview.recompute); \(overview.threads) threads, \(overview.instructionSet.rawValue)"
    }

    private func disk(_ spilling: Spilling) -> String {
        let speeds = [spilling.speed.written, spilling.speed.read].map { Format.bytes(Int($0)) }
        let step = spilling.secondsPerSequence * Double(settings.accumulate)
        return
            "disk     \(Format.bytes(spilling.byteCount)) in \(spilling.folder), which writes \(speeds[0]) and reads "
            + "\(speeds[1]) a second: \(Format.decimal(step, 1)) s of disk a step, beside the arithmetic"
    }

    private func describeRun(_ time: StepTime) -> String {
        let steps = overview.steps - overview.stepsDone
        return "time     \(describe(time)): \(Format.duration(Double(steps) * time.seconds)) for "
            + describeCount(steps, "update")
    }

    private var output: String {
        "output   \(settings.output): a checkpoint of \(Format.bytes(overview.checkpointByteCount)) every "
            + "\(settings.saveEvery) updates, the last \(settings.keep) kept"
    }
}
