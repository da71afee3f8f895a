import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensWeighting

extension Trainer {
    /// How a training from values in memory goes. The defaults are those of ``TrainingSettings``.
    public struct Options: Sendable {
        /// T: tokens of one training sequence.
        public var contextLength: Int
        /// Whole documents share a sequence, each seeing itself alone.
        public var pack = false
        /// The positions of a sequence's tokens.
        public var positions = PositionPolicy.restart
        /// Updates; nil for one pass over the data.
        public var steps: Int?
        /// G: sequences of one update.
        public var accumulate = 1
        public var learningRate = 2e-5
        public var warmup = 20
        public var schedule = LearningRateSchedule.Shape.constant
        public var optimizer = AdamW()
        public var seed: UInt64 = 42
        public var shuffle = true
        /// Bytes that the process may take; nil for what the machine has free.
        public var memoryLimit: Int?
        /// A folder on a disk for the inputs of layers, where memory does not suffice; nil writes nothing to a disk.
        public var spillFolder: String?
        /// What the inputs of layers are kept in: `bf16` halves them, and rounds what gradients are computed from.
        public var layerInputs = LayerInputType.f32

        /// One pass over the data in sequences of so many tokens.
        public init(contextLength: Int) { self.contextLength = contextLength }
    }

    /// Trains `model` on documents in memory, weighing each token's loss by `scheme`; nothing is written to a disk, but what
    /// is spilled where the options say so.
    ///
    /// What is kept of each layer fills the memory limit. An update that fails leaves the weights as they were before it.
    ///
    /// - Parameters:
    ///   - documents: text or token ids; those shorter than the context are left out.
    ///   - encoder: turns them into tokens of the model.
    ///   - scorer: gives the losses under the short context, where the scheme needs them: an ``OwnScorer`` of `model`, a
    ///     ``ModelScorer``, a ``FileScorer``, or your own.
    ///   - stop: ends the training after the sequence at hand.
    ///   - afterStep: told of each update.
    /// - Returns: what each update did.
    /// - Throws: before the first update `.usage`, `.data` and `.machine` for what is wrong with options, documents and memory;
    ///   `.data` when a loss or a gradient is not finite.
    @discardableResult
    public static func run(
        model: TrainableModel, documents: [Document], encoder: DocumentEncoder, scheme: WeightingScheme = .uniform,
        scorer: (any Scorer)? = nil, options: Options, on runtime: Runtime = .shared, stop: StopRequest = StopRequest(),
        afterStep: (StepMetrics) -> Void = { _ in }
    ) throws(LensError) -> [StepMetrics] {
        try options.check()
        let sequences = try TrainingSequences(
            documents: documents, encoder: encoder, length: options.contextLength, packs: options.pack)
        let memory = TrainingMemory(
            model.configuration, scorer: scorer?.memory ?? .none, dataByteCount: sequences.byteCount, runtime: runtime,
            spills: options.spillFolder != nil, layerInputs: options.layerInputs)
        let plan = try memory.choose(
            contextLength: options.contextLength,
            limit: options.memoryLimit ?? saturatingSum(SystemMemory.available, SystemMemory.resident))
        let steps = options.steps ?? max(1, sequences.count / options.accumulate)
        let trainer = try Trainer(
            model, state: try TrainingState(model.parameters), sequences: sequences, scorer: scorer,
            recompute: plan.recompute, spillFile: try Spilling(plan, folder: options.spillFolder)?.file,
            settings: Settings(
                scheme: scheme, accumulate: options.accumulate,
                schedule: LearningRateSchedule(
                    shape: options.schedule, peak: options.learningRate, warmup: options.warmup, steps: steps),
                optimizer: options.optimizer, seed: options.seed, shuffle: options.shuffle, positions: options.positions
            ),
            on: runtime)
        var metrics: [StepMetrics] = []
        while metrics.count < steps, let step = try trainer.step(stop: stop) {
            metrics.append(step)
            afterStep(step)
        }
        return metrics
    }
}

extension Trainer.Options {
    /// `.usage` for numbers that cannot be.
    fileprivate func check() throws(LensError) {
        func require(_ condition: Bool, _ what: String) throws(LensError) {
            if !condition { throw .usage("\(what) cannot be.") }
        }
        try require(steps ?? 1 >= 1, "A training of \(steps ?? 0) updates")
        try require(accumulate >= 1, "An update of \(accumulate) sequences")
        try require(warmup >= 0, "A warm-up of \(warmup) updates")
        try require(learningRate > 0 && learningRate.isFinite, "A learning rate of \(learningRate)")
    }
}
