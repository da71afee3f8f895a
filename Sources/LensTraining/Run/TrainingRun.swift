import LensData
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensWeighting

/// A whole training run in its output folder: from settings to a trained model, with checkpoints on the way.
///
/// Everything that can be known to be wrong is found before the first update: settings, data, memory.
struct TrainingRun {
    private var settings: TrainingSettings
    private let observer: (any TrainingObserver)?
    private let stop: StopRequest
    private let memoryLimit: Int
    private let scheme: WeightingScheme
    private var input: TrainingInput
    private var scorer: Scorer
    private let folder: OutputFolder
    private let checkpoints: CheckpointStore

    /// Checks the settings and opens the model; then locks the output folder and clears away what a killed run left
    /// unfinished in it.
    init(_ given: TrainingSettings, observer: (any TrainingObserver)?, stop: StopRequest) throws(LensError) {
        var settings = given
        memoryLimit = settings.memoryLimit ?? SystemMemory.available
        scheme = try WeightingScheme(settings.scheme)
        try scheme.check(predictions: settings.contextLength - 1)
        let choice = try ScorerChoice(settings, scheme)
        input = try TrainingInput(settings)
        scorer = try Scorer(choice, &settings, input)
        folder = try OutputFolder(path: settings.output)
        checkpoints = CheckpointStore(path: folder.checkpointsPath, keep: settings.keep)
        self.settings = settings
        self.observer = observer
        self.stop = stop
        if !settings.resume { try folder.requireFresh() }
        try folder.removeLeftovers()
        try checkpoints.removeLeftovers()
    }

    mutating func run() throws(LensError) {
        // What training takes is gone when the model is written, which takes memory too.
        let model = try train()
        try saveModel(Pretrained(model: model, tokenizer: input.tokenizer, path: settings.model))
    }

    /// From the documents to the trained model.
    private mutating func train() throws(LensError) -> LanguageModel {
        if let warning = input.warning { observer?.warning(warning) }
        let sequences = try input.sequences(settings)
        let steps = settings.steps ?? max(1, sequences.count / settings.accumulate)
        settings.steps = steps
        let dataByteCount = sequences.byteCount
        let memory = TrainingMemory(
            input.configuration, scorer: scorer.memory, dataByteCount: dataByteCount,
            programByteCount: SystemMemory.resident - dataByteCount, peakBefore: SystemMemory.peakResident)
        let (recompute, plan) = try memory.choose(contextLength: settings.contextLength, limit: memoryLimit)

        let saved = try resumePoint(steps: steps)
        let model = try input.makeModel(withWeights: saved == nil)
        let state = try TrainingState(model.parameters)
        let source = try scorer.make(for: model, sequences: sequences)
        let identity = identity(sequences, scorer: source)
        if let saved {
            try requireSame(identity, as: saved)
            try checkpoints.load(saved.step, into: state)
        }
        let trainer = try Trainer(
            model, state: state, sequences: sequences, scorer: source, recompute: recompute,
            settings: arithmetic(steps: steps))
        try Recipe.write(settings, path: folder.recipePath)
        observer?.trainingStarts(
            TrainingOverview(
                stepsDone: state.step, steps: steps, sequenceCount: sequences.count,
                parameterCount: input.configuration.parameterCount, recompute: recompute, memory: plan,
                settings: settings))
        if sequences.shortDocumentCount > 0 {
            observer?.warning(
                "\(sequences.shortDocumentCount) of \(sequences.documentCount) documents are shorter than the context of "
                    + "\(sequences.length) tokens and are left out.")
        }
        try train(trainer, steps: steps, identity: identity)
        return model
    }

    private func arithmetic(steps: Int) -> Trainer.Settings {
        Trainer.Settings(
            scheme: scheme, accumulate: settings.accumulate,
            schedule: LearningRateSchedule(
                shape: settings.schedule, peak: settings.learningRate, warmup: settings.warmup, steps: steps),
            optimizer: AdamW(
                beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
                weightDecay: settings.weightDecay, clip: settings.clip),
            seed: settings.seed, shuffle: settings.shuffle)
    }

    // MARK: Resuming

    private func resumePoint(steps: Int) throws(LensError) -> CheckpointState? {
        guard settings.resume else { return nil }
        guard let saved = try checkpoints.newest(warn: { observer?.warning($0) }) else {
            observer?.warning("There is no checkpoint in \(folder.path) yet: the run starts at its beginning.")
            return nil
        }
        guard saved.step <= steps else {
            throw .usage(
                "The run in \(folder.path) is already at step \(saved.step), past --steps \(steps). Raise --steps.")
        }
        return saved
    }

    /// What a checkpoint of this run says of it, without the number of updates done.
    private func identity(_ sequences: TrainingSequences, scorer: (any ShortLossSource)?) -> CheckpointState {
        var values: [String: String] = [:]
        for (key, list) in settings.entries where key.changesArithmetic {
            values[key.rawValue] = list.joined(separator: " ")
        }
        values[SettingKey.scheme.rawValue] = scheme.description
        return CheckpointState(
            step: 0, steps: settings.steps ?? 0, instructionSet: InstructionSet.current.rawValue, settings: values,
            data: "\(sequences.count) sequences, \(String(sequences.digest, radix: 16))",
            model: Checksum.text(input.configuration.arithmeticDescription), scorer: scorer?.fingerprint ?? "none")
    }

    private func requireSame(_ identity: CheckpointState, as saved: CheckpointState) throws(LensError) {
        try identity.requireSameArithmetic(as: saved, path: checkpoints.folder(saved.step))
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
    }

    // MARK: The loop

    private func train(_ trainer: Trainer, steps: Int, identity: CheckpointState) throws(LensError) {
        let log = try MetricsLog(path: folder.metricsPath, continuingAfter: trainer.state.step)
        while trainer.state.step < steps {
            let metrics = try trainer.step()
            try log.append(metrics)
            observer?.stepFinished(metrics, of: steps)
            let stops = stop.isRequested && metrics.step < steps
            if metrics.step % settings.saveEvery == 0 || metrics.step == steps || stops {
                try save(trainer, log, identity)
            }
            if stops {
                throw LensError(
                    .interrupted,
                    "Stopped after step \(metrics.step) of \(steps); its checkpoint is saved. The same command "
                        + "with --resume continues."
                )
            }
        }
    }

    private func save(_ trainer: Trainer, _ log: MetricsLog, _ identity: CheckpointState) throws(LensError) {
        if let name = trainer.firstNonFiniteWeight {
            throw .data(
                "After step \(trainer.state.step) a weight in \(name) is not finite, so no checkpoint of it is "
                    + "saved. The run has diverged: lower --learning-rate and continue from the last checkpoint "
                    + "in another --output."
            )
        }
        try log.flush()
        var state = identity
        state.step = trainer.state.step
        let path = try checkpoints.save(state, trainer.state)
        observer?.checkpointSaved(step: state.step, path: path)
    }

    private func saveModel(_ trained: Pretrained) throws(LensError) {
        try trained.saveHuggingFace(to: folder.modelPath)
        observer?.modelSaved(path: folder.modelPath)
        guard settings.export == .gguf else { return }
        try trained.saveGGUF(to: folder.ggufPath, name: "LongLens")
        observer?.modelSaved(path: folder.ggufPath)
    }
}

extension Trainer {
    /// Trains as `settings` say, in their output folder.
    ///
    /// `.interrupted` after `stop` was requested, when the update that it came in is done and saved. `.usage`, `.data`,
    /// `.missing` and `.machine` before the first update for what is wrong with the settings, the data and the memory;
    /// `.data` when a loss or a gradient is not finite; `.io` when the disk fails. Checkpoints made before stay whole.
    public static func run(
        _ settings: TrainingSettings, observer: (any TrainingObserver)? = nil, stop: StopRequest = StopRequest()
    ) throws(LensError) {
        var run = try TrainingRun(settings, observer: observer, stop: stop)
        try run.run()
    }
}
