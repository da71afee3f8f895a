import LensData
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensWeighting

/// The training loop's inside: one call, one update.
///
/// For each of the update's sequences: losses under the long context, losses under the short one, weights, gradient.
/// Then clipping and AdamW. All its memory is taken when it is made. Everything random follows from the seed and the
/// number of the update, so a state and its settings are all that a continuation needs.
public final class Trainer {
    /// What the arithmetic of an update depends on, beside weights and sequences.
    public struct Settings: Sendable {
        public var scheme: WeightingScheme
        /// G: sequences of one update.
        public var accumulate: Int
        public var schedule: LearningRateSchedule
        public var optimizer: AdamW
        public var seed: UInt64
        public var shuffle: Bool
        public var positions: PositionPolicy

        /// All of them; `accumulate` must be at least 1.
        public init(
            scheme: WeightingScheme, accumulate: Int, schedule: LearningRateSchedule, optimizer: AdamW, seed: UInt64,
            shuffle: Bool, positions: PositionPolicy = .restart
        ) {
            self.scheme = scheme
            self.accumulate = accumulate
            self.schedule = schedule
            self.optimizer = optimizer
            self.seed = seed
            self.shuffle = shuffle
            self.positions = positions
        }
    }

    public let model: TrainableModel
    public let runtime: Runtime
    package let state: TrainingState
    public let settings: Settings
    public let sequences: TrainingSequences
    /// What is done of the update that comes next; nil between updates.
    package private(set) var partial: PartialUpdate?
    /// Sums over the sequences of what is done.
    let gradients: ParameterStore
    private let pass: TrainingPass
    private let scorer: (any Scorer)?
    private var order: SequenceOrder

    /// - Parameters:
    ///   - scorer: must be there when the scheme needs short losses; an ``OwnScorer`` is of `model`.
    ///   - recompute: what is kept of each layer: the more, the faster. No bit depends on it.
    /// - Throws: `.machine` when there is no memory; `.usage` when the sequences are too short for the scheme, when it lacks a
    ///   scorer, and when the model was frozen; `.data` when the scorer cannot score the sequences.
    public convenience init(
        _ model: TrainableModel, sequences: TrainingSequences, scorer: (any Scorer)? = nil,
        recompute: RecomputePolicy = .fastest, settings: Settings, on runtime: Runtime = .shared
    ) throws(LensError) {
        try self.init(
            model, state: try TrainingState(model.parameters), sequences: sequences, scorer: scorer,
            recompute: recompute,
            settings: settings, on: runtime)
    }

    /// - Parameters:
    ///   - state: of `model`'s own parameters.
    ///   - spillFile: for a policy with inputs on disk.
    init(
        _ model: TrainableModel, state: TrainingState, sequences: TrainingSequences, scorer: (any Scorer)?,
        recompute: RecomputePolicy, spillFile: SpillFile? = nil, settings: Settings, on runtime: Runtime
    ) throws(LensError) {
        precondition(state.parameters === model.parameters)
        try model.requireTrainable()
        guard settings.accumulate >= 1 else {
            throw .usage("An update needs at least 1 sequence, not \(settings.accumulate).")
        }
        try settings.scheme.check(
            predictions: sequences.leastPredictionCount, documentLength: sequences.longestDocument)
        if case .skipping(let chunks, let target) = settings.positions {
            guard !sequences.packs else {
                throw .usage("Positions skip in sequences of one document, not in packed ones.")
            }
            guard chunks >= 2, target > sequences.length, target <= greatestCount else {
                throw .usage(
                    "Positions of \(settings.positions) do not go with sequences of \(sequences.length) tokens.")
            }
        }
        let needed = settings.scheme.shortLosses == .required
        guard scorer != nil || !needed else {
            throw .usage("The scheme \(settings.scheme) compares losses with those of a scorer, and none was given.")
        }
        self.scorer = needed ? scorer : nil
        try self.scorer?.check(sequences)
        self.model = model
        self.runtime = runtime
        self.state = state
        self.sequences = sequences
        self.settings = settings
        order = SequenceOrder(count: sequences.count, seed: settings.seed, shuffle: settings.shuffle)
        gradients = try ParameterStore(model.configuration)
        pass = try TrainingPass(
            model, gradients: gradients, contextLength: sequences.length, recompute: recompute, spillFile: spillFile,
            on: runtime)
    }

    /// How far the run is: the updates done, and the sequences of the one begun.
    public var position: TrainingPosition {
        TrainingPosition(step: state.step, sequences: partial?.sequences ?? 0)
    }

    /// Makes one update and says what it did.
    ///
    /// `.data` when a loss or a gradient is not finite: the update is not made, and weights and moments are as before.
    public func step() throws(LensError) -> StepMetrics {
        while true { if let metrics = try step(stop: StopRequest()) { return metrics } }
    }

    /// Makes one update, or goes on with the one begun; nil when `stop` was requested before its last sequence. What is
    /// done of it then stays, and the next call goes on to the same bits.
    ///
    /// - Parameter progress: called at the beginning of each phase of each sequence, and as it goes on.
    /// Throws as ``step()`` does. After an error that is not of the numbers, what is done is what was done before it.
    public func step(
        stop: StopRequest, progress: (UpdateProgress) -> Void = { _ in }
    ) throws(LensError) -> StepMetrics? {
        let clock = ContinuousClock()
        let start = clock.now
        try model.requireTrainable()
        let step = state.step + 1
        if partial == nil { gradients.all.fill(0) }
        var update = partial ?? PartialUpdate()
        let secondsBefore = update.seconds
        let drawn = (0..<settings.accumulate).map { order.draw((step - 1) * settings.accumulate + $0) }
        let predictions = drawn.reduce(0) { $0 + sequences.predictionCount(of: $1) }
        while update.sequences < settings.accumulate {
            if stop.isRequested { return nil }
            try accumulate(drawn[update.sequences], ofPredictions: predictions, step: step, into: &update, progress)
            update.seconds = secondsBefore + (clock.now - start) / .seconds(1)
            partial = update
        }
        let norm = try AdamW.norm(gradients, on: runtime)
        let learningRate = settings.schedule.rate(step: step)
        try settings.optimizer.update(
            state, gradients: gradients, norm: norm, learningRate: learningRate, on: runtime)
        partial = nil
        let seconds = secondsBefore + (clock.now - start) / .seconds(1)
        let share = 1 / Double(settings.accumulate)
        let tokens = drawn.reduce(0) { $0 + sequences.tokenCount(of: $1) }
        return StepMetrics(
            step: step, loss: update.loss * share, nll: update.nll * share,
            weightStandardDeviation: update.weightStandardDeviation * share,
            weightNonzero: update.weightNonzero * share, gradientNorm: norm, learningRate: learningRate,
            tokens: tokens, stepSeconds: seconds, scorerSeconds: update.scorerSeconds ?? 0,
            tokensPerSecond: Double(tokens) / max(seconds, 1e-9),
            peakResidentBytes: SystemMemory.peakResident)
    }

    /// Goes on with an update that another run began; the gradients accumulated so far must be in ``gradients``.
    func resume(_ update: PartialUpdate) { partial = update }

    /// Adds sequence `drawn` to the update, whose sequences have so many predictions in all. Every prediction of an update
    /// counts alike.
    private func accumulate(
        _ drawn: Int, ofPredictions predictions: Int, step: Int, into update: inout PartialUpdate,
        _ progress: (UpdateProgress) -> Void
    ) throws(LensError) {
        let index = update.sequences
        func tell(_ phase: UpdateProgress.Phase, _ fraction: Double) {
            progress(
                UpdateProgress(
                    step: step, sequence: index + 1, sequences: settings.accumulate, phase: phase, fraction: fraction))
        }
        let sequence = sequences[drawn]
        tell(.forward, 0)
        var positions = Self.generator(seed: settings.seed ^ Self.positionStream, step: step, index: index)
        let layout = settings.positions.layout(of: sequence, generator: &positions)
        let long = try pass.forward(sequence.tokens, layout: layout) { tell(.forward, $0) }
        try require(long, finite: "loss", step, sequence)
        var short: [Float]?
        if let scorer {
            tell(.scoring, 0)
            let start = ContinuousClock.now
            short = try scorer.losses(of: sequence, long: long) { tell(.scoring, $0) }
            update.scorerSeconds = (update.scorerSeconds ?? 0) + (ContinuousClock.now - start) / .seconds(1)
        }
        if let short { try require(short, finite: "short-context loss", step, sequence) }
        var generator = Self.generator(seed: settings.seed, step: step, index: index)
        let weights = try settings.scheme.weights(
            long: long, short: short, documentStarts: sequence.documentStarts, generator: &generator)
        try require(weights, finite: "weight", step, sequence)
        tell(.backward, 0)
        // 1 / G where all sequences are of one length.
        let share = Float(predictions) / Float(sequence.predictionCount)
        try pass.backward(weights: weights, scale: 1 / share) { tell(.backward, $0) }
        if let bad = try runtime.firstNonFinite(gradients.all) {
            throw try diverged("The gradient of \(gradients.name(at: bad)) is not finite", step, sequence)
        }
        let statistics = WeightStatistics(sequence.predictions(weights))
        // Against the mean sequence.
        let size = Double(sequence.predictionCount * settings.accumulate) / Double(predictions)
        // Where documents begin, weight and loss are 0.
        let count = sequence.predictionCount
        update.loss += size * mean(zip(weights, long).lazy.map { Double($0) * Double($1) }, count)
        update.nll += size * mean(long.lazy.map(Double.init), count)
        update.weightStandardDeviation += size * statistics.standardDeviation
        update.weightNonzero += size * statistics.nonzeroFraction
        update.sequences += 1
    }

    /// The draws among equal scores of one sequence of one update.
    private static func generator(seed: UInt64, step: Int, index: Int) -> SeededGenerator {
        var update = SeededGenerator(seed: seed, stream: UInt64(step))
        return SeededGenerator(seed: update.next(), stream: UInt64(index))
    }

    /// Keeps draws of positions apart from those of equal scores ("position" in ASCII).
    private static let positionStream: UInt64 = 0x706F_7369_7469_6F6E

    private func mean(_ values: some Sequence<Double>, _ count: Int) -> Double { values.reduce(0, +) / Double(count) }

    // MARK: Numbers that are none

    private func require(
        _ values: [Float], finite what: String, _ step: Int, _ sequence: TokenSequence
    ) throws(LensError) {
        guard let position = values.firstIndex(where: { !$0.isFinite }) else { return }
        throw try diverged("The \(what) of token \(position + 1) is not finite", step, sequence)
    }

    /// The error of an update that cannot be made; what was accumulated of it is worth nothing.
    private func diverged(_ what: String, _ step: Int, _ sequence: TokenSequence) throws(LensError) -> LensError {
        partial = nil
        let weight =
            try firstNonFiniteWeight().map { " The first weight that is not finite is in \($0)." }
            ?? " All weights are finite."
        return .data(
            "\(what) at step \(step), \(sequence.name).\(weight) The "
                + "update was not made. A lower --learning-rate, a longer --warmup or a lower --clip often help."
        )
    }

    /// The name of the first weight that is not finite, which must not be saved as a good state.
    package func firstNonFiniteWeight() throws(LensError) -> String? {
        try runtime.firstNonFinite(model.parameters.all).map(model.parameters.name(at:))
    }
}
