import LensData
import LensModels
import LensSupport

/// Everything that a training run is told. The defaults are the paper's where it states one
/// (arXiv 2503.09202, released configuration).
public struct TrainingSettings: Equatable, Sendable {
    /// A format in which the trained model is written beside the Hugging Face folder.
    public enum Export: String, CaseIterable, Sendable { case none, gguf }

    /// The model to start from: a GGUF file, a Hugging Face folder or a llama2.c file.
    public var model: String
    /// The tokenizer file of a llama2.c model.
    public var tokenizer: String?
    /// Documents, as a command's document arguments.
    public var data: [String]
    public var bos = BoundaryPolicy.auto
    public var eos = BoundaryPolicy.auto
    /// Special tokens written in text are read as such.
    public var special = false
    /// The output folder.
    public var output: String
    /// T: tokens of one training sequence.
    public var contextLength: Int
    /// Whole documents share a sequence, each seeing itself alone.
    public var pack = false
    /// The positions of a sequence's tokens.
    public var positions = PositionPolicy.restart
    /// SPEC of the token weights.
    public var scheme: String
    /// `self`, a model or a score file; nil when the scheme needs no short-context losses.
    public var scorer: String?
    /// C: tokens of the scorer's context; nil for the default (what the model was trained for, or a quarter of `contextLength`).
    public var scorerContext: Int?
    /// S: distance of the scorer's windows; nil for that of ``WindowPlan``.
    public var scorerStride: Int?
    public var ropeTheta: Double?
    /// `TYPE:key=value,…`, as `--rope-scaling` takes it.
    public var ropeScaling: String?
    /// Updates; nil for one pass over the data.
    public var steps: Int?
    /// G: sequences of one update.
    public var accumulate = 1
    public var learningRate = 2e-5
    public var warmup = 20
    public var schedule = LearningRateSchedule.Shape.constant
    public var weightDecay = 0.01
    public var beta1 = 0.9
    public var beta2 = 0.95
    public var epsilon = 1e-8
    /// Greatest global norm of the gradient; 0 does not clip.
    public var clip = 1.0
    public var seed: UInt64 = 42
    public var shuffle = true
    /// Updates from one checkpoint to the next; the last update is always followed by one.
    public var saveEvery = 10
    /// Checkpoints kept.
    public var keep = 2
    /// Continue from the newest checkpoint in the output folder.
    public var resume = false
    /// Bytes that the run may take; nil for what the machine has free.
    public var memoryLimit: Int?
    /// A folder on a disk for the inputs of layers, where memory does not suffice.
    public var spillFolder: String?
    /// What the inputs of layers are kept in: `bf16` halves them, and rounds what gradients are computed from.
    public var layerInputs = LayerInputType.f32
    public var export = Export.none
    /// Threads; nil for the physical cores. The command line tool applies it before the run.
    public var threads: Int?

    /// The settings without which there is no run, and the defaults of the others.
    public init(model: String, data: [String], output: String, contextLength: Int, scheme: String) {
        self.model = model
        self.data = data
        self.output = output
        self.contextLength = contextLength
        self.scheme = scheme
    }

    /// Reads the settings out of a layer. `.usage` names the place of a missing, malformed or impossible value.
    package init(_ layer: SettingsLayer) throws(LensError) {
        self.init(
            model: try layer.required(.model, layer.string(.model)),
            data: try layer.required(.data, layer.strings(.data)),
            output: try layer.required(.output, layer.string(.output)),
            contextLength: try layer.required(.context, layer.integer(.context, atLeast: 2, thousands: true)),
            scheme: try layer.required(.scheme, layer.string(.scheme)))
        try readSources(layer)
        try readOptimizer(layer)
        try readRun(layer)
    }

    private mutating func readSources(_ layer: SettingsLayer) throws(LensError) {
        tokenizer = try layer.string(.tokenizer)
        bos = try layer.choice(.bos, BoundaryPolicy.self) ?? bos
        eos = try layer.choice(.eos, BoundaryPolicy.self) ?? eos
        special = try layer.bool(.special) ?? special
        try readPositions(layer)
        scorer = try layer.string(.scorer)
        scorerContext = try layer.integer(.scorerContext, atLeast: 2, thousands: true)
        scorerStride = try layer.integer(.scorerStride, atLeast: 1, thousands: true)
        if let scorerContext, scorerContext > contextLength {
            throw .usage(
                "The scorer's context (\(scorerContext)) is longer than the training context (\(contextLength)). "
                    + "It is the short one: lower --scorer-context or raise --context.")
        }
        ropeTheta = try layer.number(.ropeTheta, "a number above 1, such as 15300000") { $0 > 1 }
        ropeScaling = try layer.string(.ropeScaling)
        if let ropeScaling { _ = try RopeOption.parse(ropeScaling, contextLength: reach) }
    }

    private mutating func readPositions(_ layer: SettingsLayer) throws(LensError) {
        pack = try layer.bool(.pack) ?? pack
        let names = [PositionPolicy.restart, .runOn].map(\.description)
        if let text = try layer.string(.packPositions) {
            guard names.contains(text) else {
                throw layer.wrong(
                    .packPositions, text, names.joined(separator: " or "), suggestion(for: text, among: names))
            }
            guard pack else {
                throw .usage("--pack-positions says how positions go on in packed documents: it goes with --pack.")
            }
            positions = text == PositionPolicy.runOn.description ? .runOn : .restart
        }
        if let text = try layer.string(.positions) {
            guard !pack else {
                throw .usage("--positions skips in sequences of one document: it does not go with --pack.")
            }
            positions = try PositionPolicy.parse(text, contextLength: contextLength)
        }
    }

    private mutating func readOptimizer(_ layer: SettingsLayer) throws(LensError) {
        let positive = "a number above 0", notNegative = "a number of at least 0", below1 = "a number from 0 to below 1"
        steps = try layer.integer(.steps, atLeast: 1)
        accumulate = try layer.integer(.accumulate, atLeast: 1) ?? accumulate
        learningRate = try layer.number(.learningRate, positive) { $0 > 0 } ?? learningRate
        warmup = try layer.integer(.warmup, atLeast: 0) ?? warmup
        schedule = try layer.choice(.schedule, LearningRateSchedule.Shape.self) ?? schedule
        weightDecay = try layer.number(.weightDecay, notNegative) { $0 >= 0 } ?? weightDecay
        beta1 = try layer.number(.beta1, below1) { $0 >= 0 && $0 < 1 } ?? beta1
        beta2 = try layer.number(.beta2, below1) { $0 >= 0 && $0 < 1 } ?? beta2
        epsilon = try layer.number(.epsilon, positive) { $0 > 0 } ?? epsilon
        clip = try layer.number(.clip, notNegative) { $0 >= 0 } ?? clip
    }

    private mutating func readRun(_ layer: SettingsLayer) throws(LensError) {
        if let text = try layer.string(.seed) {
            guard let value = UInt64(text) else { throw layer.wrong(.seed, text, "a whole number of at least 0") }
            seed = value
        }
        shuffle = try layer.bool(.shuffle) ?? shuffle
        saveEvery = try layer.integer(.saveEvery, atLeast: 1) ?? saveEvery
        keep = try layer.integer(.keep, atLeast: 1) ?? keep
        resume = try layer.bool(.resume) ?? resume
        memoryLimit = try layer.byteCount(.memoryLimit)
        spillFolder = try layer.string(.spillFolder)
        layerInputs = try layer.choice(.layerInputs, LayerInputType.self) ?? layerInputs
        export = try layer.choice(.export, Export.self) ?? export
        threads = try layer.integer(.threads, atLeast: 1)
    }

    /// How far positions go: what the model's context is extended to.
    package var reach: Int { positions.reach(contextLength: contextLength) }

    /// The same settings after the checks that those of a command line pass. `.usage` for what cannot be.
    func checked() throws(LensError) -> TrainingSettings {
        var layer = SettingsLayer()
        for (key, values) in entries { layer.set(key, values) }
        var result = try TrainingSettings(layer)
        result.resume = resume
        return result
    }

    /// Every setting that has a value, as it would be written, in the order of ``SettingKey``. `resume` belongs to one
    /// invocation and is left out.
    package var entries: [(key: SettingKey, values: [String])] {
        SettingKey.allCases.compactMap { key in values(of: key).map { (key, $0) } }
    }

    private func values(of key: SettingKey) -> [String]? {
        switch key {
        case .data: data
        case .resume: nil
        default: text(of: key).map { [$0] }
        }
    }

    private func text(of key: SettingKey) -> String? {
        switch key {
        case .model: model
        case .tokenizer: tokenizer
        case .bos: bos.rawValue
        case .eos: eos.rawValue
        case .special: "\(special)"
        case .output: output
        case .context: "\(contextLength)"
        // What is as it was before there was a choice is not named.
        case .pack: pack ? "true" : nil
        case .packPositions: positions == .runOn ? positions.description : nil
        case .positions: if case .skipping = positions { positions.description } else { nil }
        case .scheme: scheme
        case .scorer: scorer
        case .scorerContext: scorerContext.map(String.init)
        case .scorerStride: scorerStride.map(String.init)
        case .ropeTheta: ropeTheta.map { "\($0)" }
        case .ropeScaling: ropeScaling
        case .steps: steps.map(String.init)
        case .accumulate: "\(accumulate)"
        case .learningRate: "\(learningRate)"
        case .warmup: "\(warmup)"
        case .schedule: schedule.rawValue
        case .weightDecay: "\(weightDecay)"
        case .beta1: "\(beta1)"
        case .beta2: "\(beta2)"
        case .epsilon: "\(epsilon)"
        case .clip: "\(clip)"
        case .seed: "\(seed)"
        case .shuffle: "\(shuffle)"
        case .saveEvery: "\(saveEvery)"
        case .keep: "\(keep)"
        case .memoryLimit: memoryLimit.map(String.init)
        case .spillFolder: spillFolder
        case .layerInputs: layerInputs.rawValue
        case .export: export.rawValue
        case .threads: threads.map(String.init)
        case .data, .resume: nil
        }
    }
}
