import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensWeighting

/// A whole training run in its output folder: from settings to a trained model, with checkpoints on the way.
///
/// Everything that can be known to be wrong is found before the first update: settings, data, memory.
struct TrainingRun {
    private var settings: TrainingSettings
    private let observer: (any TrainingObserver)?
    private let stop: StopRequest
    private let runtime: Runtime
    private let memoryLimit: Int
    private let scheme: WeightingScheme
    private var input: TrainingInput
    private var scorer: PlannedScorer
    private let folder: OutputFolder
    private let checkpoints: CheckpointStore
    private let scorerIsDefault: Bool
    /// What is doubtful about the settings, one paragraph each.
    private let warnings: [String]

    /// Checks the settings and opens the model; then locks the output folder and clears away what a killed run left
    /// unfinished in it.
    init(
        _ given: TrainingSettings, on runtime: Runtime, observer: (any TrainingObserver)?, stop: StopRequest
    ) throws(LensError) {
        self.runtime = runtime
        var settings = try given.checked()
        memoryLimit = settings.memoryLimit ?? SystemMemory.available
        scheme = try WeightingScheme(settings.scheme)
        if !settings.pack { try scheme.check(predictions: settings.contextLength - 1) }
        let choice = try ScorerChoice(settings, scheme)
        scorerIsDefault = choice == .own && settings.scorer == nil
        warnings = try scheme.checkTraining(selfScored: choice == .own)
        input = try TrainingInput(settings)
        scorer = try PlannedScorer(choice, &settings, input)
        folder = try OutputFolder(path: settings.output)
        checkpoints = CheckpointStore(path: folder.checkpointsPath, keep: settings.keep)
        self.settings = settings
        self.observer = observer
        self.stop = stop
        if let warning = folder.warning { observer?.warning(warning) }
        try folder.removeLeftovers { observer?.warning($0) }
        checkpoints.removeLeftovers { observer?.warning($0) }
        if !settings.resume { try folder.requireFresh() }
        try folder.requireWritable(export: settings.export)
        // Documents are read for a while before the plan is known.
        if let path = settings.spillFolder { try SpillFile.check(folder: path, byteCount: 0, for: Spilling.what) }
    }

    mutating func run() throws(LensError) {
        // What training takes is gone when the model is written, which takes memory too.
        let model = try train()
        try saveModel(
            Pretrained(model: model, tokenizer: input.tokenizer, path: settings.model, origin: input.origin))
    }

    /// From the documents to the trained model.
    private mutating func train() throws(LensError) -> LanguageModel {
        for warning in warnings + input.warnings + scorer.warnings { observer?.warning(warning) }
        let observer = observer
        let sequences = try input.sequences(settings, warn: { observer?.warning($0) }) {
            [stop] () throws(LensError) in try Self.check(stop)
        }
        let steps = settings.steps ?? max(1, sequences.count / settings.accumulate)
        settings.steps = steps
        if settings.warmup > steps {
            observer?.warning(
                "The warm-up of \(settings.warmup) updates is longer than the run of \(steps): the learning rate comes to "
                    + "\(describeNumber(arithmetic(steps: steps).schedule.rate(step: steps))) of "
                    + "\(describeNumber(settings.learningRate)). Lower --warmup, or raise --steps.")
        }
        let dataByteCount = sequences.byteCount
        let memory = TrainingMemory(
            input.configuration, scorer: scorer.memory, dataByteCount: dataByteCount, runtime: runtime,
            programByteCount: SystemMemory.resident - dataByteCount, peakBefore: SystemMemory.peakResident,
            spills: settings.spillFolder != nil, layerInputs: settings.layerInputs)
        let plan = try memory.choose(contextLength: settings.contextLength, limit: memoryLimit)

        let saved = try resumePoint(steps: steps)
        let room = TrainingRoom(
            input.configuration, settings: settings, present: CheckpointStore.steps(in: checkpoints.path).count,
            stepsDone: saved?.step ?? 0, steps: steps)
        // Before the room for checkpoints is looked at, which may be on the same disk.
        let spilling = try Spilling(plan, folder: settings.spillFolder)
        if let warning = spilling?.warning { observer?.warning(warning) }
        try room.check(folder)
        // Before there are weights: its buffers have the room of what comes.
        let stepTime = observer?.wantsStepTime ?? false ? try stepWork(plan, spilling).time(on: runtime) : nil
        let model = try input.makeModel(withWeights: saved == nil, on: runtime)
        let state = try TrainingState(model.parameters)
        let source = try scorer.make(for: model, sequences: sequences, on: runtime)
        var identity = identity(sequences, scorer: source)
        if let saved {
            identity.changes = try requireSame(identity, as: saved)
            try checkpoints.load(saved.position, into: state)
        }
        let trainer = try Trainer(
            model, state: state, sequences: sequences, scorer: source, recompute: plan.recompute,
            spillFile: spilling?.file, settings: arithmetic(steps: steps), on: runtime)
        if let saved, let partial = saved.partial {
            try resume(partial, of: trainer, at: saved.position)
        }
        try Recipe.write(settings, path: folder.recipePath)
        observer?.trainingStarts(
            TrainingOverview(
                position: trainer.position, steps: steps, data: TrainingOverview.DataOverview(sequences),
                parameterCount: input.configuration.parameterCount, trainedFor: input.madeFor,
                scheme: scheme.description, scorerIsDefault: scorerIsDefault, recompute: plan.recompute,
                memory: plan.memory, memoryLimit: memoryLimit, spilling: spilling, stepTime: stepTime,
                checkpointByteCount: room.checkpointByteCount, settings: settings, threads: runtime.threadCount,
                instructionSet: runtime.instructionSet))
        if sequences.shortDocumentCount > 0 {
            observer?.warning(
                "\(sequences.shortDocumentCount) of \(sequences.documentCount) documents are shorter than "
                    + (sequences.packs ? "2 tokens" : "the context of \(sequences.length) tokens")
                    + " and are left out.")
        }
        try Self.check(stop)
        try train(trainer, steps: steps, identity: identity)
        return model.freeze()
    }

    private static func check(_ stop: StopRequest) throws(LensError) {
        try stop.check("Stopped before the first update: nothing new is to be saved, and what was there stays.")
    }

    private func arithmetic(steps: Int) -> Trainer.Settings {
        Trainer.Settings(
            scheme: scheme, accumulate: settings.accumulate,
            schedule: LearningRateSchedule(
                shape: settings.schedule, peak: settings.learningRate, warmup: settings.warmup, steps: steps),
            optimizer: AdamW(
                beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay, clip: settings.clip),
            seed: settings.seed, shuffle: settings.shuffle, positions: settings.positions)
    }

    /// What the time of a step depends on.
    private func stepWork(_ plan: TrainingPlan, _ spilling: Spilling?) -> StepWork {
        var work = StepWork(input.configuration, contextLength: settings.contextLength, recompute: plan.recompute)
        (work.scorer, work.scorerStride) = (scorer.memory, settings.scorerStride)
        (work.accumulate, work.weighted) = (settings.accumulate, scheme.weightedShare)
        work.spilled = spilling.map { ($0.byteCount, $0.speed) }
        return work
    }

    // MARK: Resuming

    private func resumePoint(steps: Int) throws(LensError) -> CheckpointState? {
        guard settings.resume else { return nil }
        guard let saved = try checkpoints.newest(warn: { observer?.warning($0) }) else {
            observer?.warning("There is no checkpoint in \(folder.path) yet: the run starts at its beginning.")
            return nil
        }
        guard saved.step <= steps, saved.partial == nil || saved.step < steps else {
            throw .usage(
                "The run in \(folder.path) is already at \(saved.position), past --steps \(steps). Raise --steps.")
        }
        return saved
    }

    private func resume(
        _ partial: PartialUpdate, of trainer: Trainer, at position: TrainingPosition
    ) throws(LensError) {
        guard partial.sequences < settings.accumulate else {
            throw .data(
                "The checkpoint \(checkpoints.folder(position)) has \(partial.sequences) sequences of an update of "
                    + "\(settings.accumulate).")
        }
        try checkpoints.loadGradients(position, into: trainer.gradients)
        trainer.resume(partial)
    }

    /// What a checkpoint of this run says of it, without the number of updates done.
    private func identity(_ sequences: TrainingSequences, scorer: (any Scorer)?) -> CheckpointState {
        var values: [String: String] = [:]
        for (key, list) in settings.entries where key.changesArithmetic {
            // Checkpoints of before there was a choice do not have it.
            if key == .layerInputs && settings.layerInputs == .f32 { continue }
            values[key.rawValue] = list.joined(separator: " ")
        }
        values[SettingKey.scheme.rawValue] = scheme.description
        return CheckpointState(
            step: 0, steps: settings.steps ?? 0, instructionSet: runtime.instructionSet.rawValue, settings: values,
            data: "\(sequences.count) sequences, \(String(sequences.digest, radix: 16))",
            model: Checksum.text(input.configuration.arithmeticDescription), scorer: scorer?.fingerprint ?? "none")
    }

    /// Returns all that was changed on the way, for the checkpoints to come.
    private func requireSame(_ identity: CheckpointState, as saved: CheckpointState) throws(LensError) -> [String]? {
        let changes = try identity.requireSameArithmetic(as: saved, path: checkpoints.folder(saved.position))
        for change in changes {
            observer?.warning("Unlike the run that is resumed: \(change). The updates before stay as they are.")
        }
        if identity.steps != saved.steps && settings.schedule != .constant {
            observer?.warning(
                "The run was to make \(saved.steps) updates and is to make \(identity.steps) now: from here on "
                    + "the \(settings.schedule.rawValue) schedule follows the new number."
            )
        }
        if identity.instructionSet != saved.instructionSet {
            observer?.warning(
                "The checkpoint was computed with \(saved.instructionSet) kernels, and the run continues with "
                    + "\(identity.instructionSet): the results will differ from an uninterrupted run's by "
                    + "rounding. LONGLENS_ISA=\(saved.instructionSet) avoids that."
            )
        }
        let all = (saved.changes ?? []) + changes
        return all.isEmpty ? nil : all
    }

    // MARK: The loop

    private func train(_ trainer: Trainer, steps: Int, identity: CheckpointState) throws(LensError) {
        let log = try MetricsLog(path: folder.metricsPath, continuingAfter: trainer.state.step) {
            observer?.warning($0)
        }
        var saved = trainer.position
        while trainer.state.step < steps {
            let metrics: StepMetrics?
            do throws(LensError) {
                metrics = try trainer.step(stop: stop) { observer?.updateProgressed($0, of: steps) }
                if let metrics { try log.append(metrics) }
            } catch {
                throw rescue(trainer, from: error, saved: saved, log, identity)
            }
            if let metrics {
                observer?.stepFinished(metrics, of: steps)
                if metrics.step % settings.saveEvery == 0 || metrics.step == steps {
                    try save(trainer, log, identity)
                    saved = trainer.position
                }
            }
            if stop.isRequested && trainer.state.step < steps {
                if trainer.position != saved { try save(trainer, log, identity) }
                throw LensError(
                    .interrupted,
                    "Stopped after \(trainer.position) of \(steps), which is saved in "
                        + "\(checkpoints.folder(trainer.position)). The same command with --resume continues, to the same "
                        + "bits.")
            }
        }
    }

    /// Saves what an error left whole, so that nothing but the update at hand is lost, and says so.
    private func rescue(
        _ trainer: Trainer, from error: LensError, saved: TrainingPosition, _ log: MetricsLog,
        _ identity: CheckpointState
    ) -> LensError {
        let position = trainer.position
        guard position != saved else {
            let none = TrainingPosition(step: 0)
            return position == none
                ? error : LensError(error.kind, "\(error.message) \(checkpoints.folder(position)) holds what is done.")
        }
        do throws(LensError) {
            // A run that goes astray must not push out a checkpoint from before it did.
            try save(trainer, log, identity, prunes: false)
            return LensError(
                error.kind,
                "\(error.message) What was done before, up to \(position), is saved in \(checkpoints.folder(position)); "
                    + "--resume continues from it.")
        } catch let second {
            return LensError(error.kind, "\(error.message) Saving what was done before failed too: \(second.message)")
        }
    }

    private func save(
        _ trainer: Trainer, _ log: MetricsLog, _ identity: CheckpointState, prunes: Bool = true
    ) throws(LensError) {
        if let name = try trainer.firstNonFiniteWeight() {
            throw .data(
                "After step \(trainer.state.step) a weight in \(name) is not finite, so no checkpoint of it is "
                    + "saved. The run has diverged: lower --learning-rate and continue from the last checkpoint "
                    + "in another --output."
            )
        }
        try log.flush()
        var state = identity
        state.step = trainer.state.step
        state.partial = trainer.partial
        let path = try checkpoints.save(
            state, trainer.state, gradients: trainer.partial == nil ? nil : trainer.gradients, prunes: prunes
        ) { observer?.warning($0) }
        observer?.checkpointSaved(step: state.step, path: path)
    }

    private func saveModel(_ trained: Pretrained) throws(LensError) {
        for warning in try trained.saveHuggingFace(to: folder.modelPath, on: runtime) { observer?.warning(warning) }
        observer?.modelSaved(path: folder.modelPath)
        guard settings.export == .gguf else { return }
        let name = modelName(path: folder.modelPath)
        for warning in try trained.saveGGUF(to: folder.ggufPath, name: name, on: runtime) { observer?.warning(warning) }
        observer?.modelSaved(path: folder.ggufPath)
    }
}

extension Trainer {
    /// Trains as `settings` say, in their output folder.
    ///
    /// `.interrupted` after `stop` was requested, when the sequence that it came in is done, and all that is done is saved.
    /// `.usage`, `.data`,
    /// `.missing` and `.machine` before the first update for what is wrong with the settings, the data and the memory;
    /// `.data` when a loss or a gradient is not finite; `.io` when the disk fails or has too little
    /// room. Checkpoints made before stay whole, and what was done since is saved where it can be.
    public static func run(
        _ settings: TrainingSettings, on runtime: Runtime = .shared, observer: (any TrainingObserver)? = nil,
        stop: StopRequest = StopRequest()
    ) throws(LensError) {
        var run = try TrainingRun(settings, on: runtime, observer: observer, stop: stop)
        try run.run()
    }
}
