import LensData
import LensFormats
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
    /// The context length that the model came with.
    let trainedFor: Int
    /// What the user should know about the context extension.
    let warning: String?

    init(_ settings: TrainingSettings) throws(LensError) {
        let source = try openModel(path: settings.model, tokenizerPath: settings.tokenizer)
        if let description = source.tokenizer { tokenizer = try Tokenizer(description) } else { tokenizer = nil }
        var configuration = source.configuration
        trainedFor = configuration.contextLength
        let change = ContextExtension(
            contextLength: settings.contextLength, ropeTheta: settings.ropeTheta, ropeScaling: settings.ropeScaling)
        warning = change.warning(for: configuration)
        try change.apply(to: &configuration)
        self.configuration = configuration
        self.source = source
    }

    /// The token with which documents and windows begin, if the model has one.
    var bosToken: Int32? { tokenizer?.bosToken ?? configuration.bosToken }

    /// All sequences of the documents, T tokens each. `warn` is told of what is left out or doubtful.
    func sequences(
        _ settings: TrainingSettings, warn: @escaping (String) -> Void
    ) throws(LensError) -> TrainingSequences {
        let encoding: any TextEncoding =
            tokenizer
            ?? TokenIDsEncoding(
                model: settings.model, vocabularySize: configuration.vocabularySize, bosToken: configuration.bosToken)
        let encoder = try DocumentEncoder(encoding, bos: settings.bos)
        return try TrainingSequences(
            DocumentReader(paths: settings.data, warn: warn), encoder: encoder, length: settings.contextLength)
    }

    /// The model with its weights, or without when a checkpoint will give them. Call once.
    mutating func makeModel(withWeights: Bool) throws(LensError) -> LanguageModel {
        defer { source = nil }
        guard withWeights, let source else { return LanguageModel(try ParameterStore(configuration)) }
        return try LanguageModel(reading: source, as: configuration)
    }
}
