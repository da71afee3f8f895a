import LensData
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTokenizers

/// What a run starts from, opened and checked, its weights not read yet.
struct TrainingInput {
    /// Nil once the weights are read: the mapped file need not stay in memory beside them.
    private var source: (any ModelSource)?
    let tokenizer: Tokenizer?
    /// With the context extension applied.
    let configuration: ModelConfiguration
    /// The context length that the model came with, and how far it goes with the rotary scaling that it came with.
    let trainedFor, madeFor: Int
    /// What the user should know of the model, its tokenizer and the context extension: one paragraph each.
    let warnings: [String]
    /// What the model's files say of it, for the model that is trained.
    let origin: ModelOrigin

    init(_ settings: TrainingSettings) throws(LensError) {
        let source = try openModel(path: settings.model, tokenizerPath: settings.tokenizer)
        if let description = source.tokenizer { tokenizer = try Tokenizer(description) } else { tokenizer = nil }
        var configuration = source.configuration
        origin = source.origin
        trainedFor = configuration.contextLength
        let change = ContextExtension(
            contextLength: settings.reach, ropeTheta: settings.ropeTheta, ropeScaling: settings.ropeScaling)
        madeFor = configuration.trainedContextLength
        let warning = try change.warning(for: configuration)
        warnings = source.warnings + (tokenizer?.warnings ?? []) + (warning.map { [$0] } ?? [])
        try change.apply(to: &configuration)
        self.configuration = configuration
        self.source = source
    }

    /// The token with which documents and windows begin, if the model has one.
    var bosToken: Int32? { tokenizer?.bosToken ?? configuration.bosToken }

    /// All sequences of the documents, T tokens each. `warn` is told what the user should know about them; `check` is
    /// called before each document, and while a pipe gives nothing.
    func sequences(
        _ settings: TrainingSettings, warn: @escaping (String) -> Void,
        check: @escaping @Sendable () throws(LensError) -> Void
    ) throws(LensError) -> TrainingSequences {
        let encoding: any TextEncoding =
            tokenizer
            ?? TokenIDsEncoding(
                model: settings.model, vocabularySize: configuration.vocabularySize, bosToken: configuration.bosToken)
        var encoder = try DocumentEncoder(encoding, bos: settings.bos, eos: settings.eos, special: settings.special)
        encoder.embeddingRows = configuration.vocabularySize
        let sequences = try TrainingSequences(
            DocumentReader(paths: settings.data, forTraining: true, warn: warn, whileWaiting: check),
            encoder: encoder,
            length: settings.contextLength, packs: settings.pack,
            check: check)
        if let warning = encoder.spelledSpecials.warning { warn(warning) }
        return sequences
    }

    /// The model with its weights, or without when a checkpoint will give them. Call once.
    mutating func makeModel(withWeights: Bool, on runtime: Runtime) throws(LensError) -> TrainableModel {
        defer { source = nil }
        guard withWeights, let source else { return TrainableModel(try ParameterStore(configuration)) }
        return try TrainableModel(reading: source, as: configuration, on: runtime)
    }
}
