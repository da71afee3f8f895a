import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport

/// The scorer of a run by its settings: planned first, made when the memory is known to suffice.
struct PlannedScorer {
    private enum Kind {
        case none, own
        case model(any ModelSource, WeightLayout)
        case file(path: String)
    }

    private var kind: Kind
    private let plan: WindowPlan?
    private let bosToken: Int32?
    /// What it takes beside the trained model.
    let memory: ScorerMemory
    /// What the user should know of a scorer's files.
    let warnings: [String]

    /// Resolves the defaults of context and stride into `settings`.
    init(_ choice: ScorerChoice, _ settings: inout TrainingSettings, _ input: TrainingInput) throws(LensError) {
        bosToken = input.bosToken
        switch choice {
        case .none, .file:
            plan = nil
            (memory, warnings) = (.none, [])
            if case .file(let path) = choice { kind = .file(path: path) } else { kind = .none }
        case .own:
            settings.scorer = "self"
            let windows = try Self.windows(&settings, trainedFor: input.trainedFor)
            (kind, plan, memory, warnings) = (.own, windows, .own(contextLength: windows.context), [])
        case .model(let path):
            let source = try openModel(path: path)
            try source.requireTokens(
                of: input.tokenizer, vocabularySize: input.configuration.vocabularySize)
            let windows = try Self.windows(&settings, trainedFor: source.configuration.contextLength)
            let layout = try WeightLayout(of: source, as: source.configuration, compute: .auto)
            (kind, plan) = (.model(source, layout), windows)
            let past = source.configuration.warning(contextLength: windows.context)
            warnings = source.warnings + (past.map { ["The scorer \(source.path): \($0)"] } ?? [])
            memory = .model(layout, contextLength: windows.context)
        }
    }

    private static func windows(_ settings: inout TrainingSettings, trainedFor: Int) throws(LensError) -> WindowPlan {
        let length = settings.contextLength
        let context =
            settings.scorerContext
            ?? WindowPlan.defaultScorerContext(length: length, trainedFor: trainedFor)
        let plan = try WindowPlan.ofScorer(length: length, context: context, stride: settings.scorerStride)
        (settings.scorerContext, settings.scorerStride) = (plan.context, plan.stride)
        return plan
    }

    /// Loads what is to be loaded; call once. Nil when the scheme needs no short losses.
    mutating func make(
        for model: TrainableModel, sequences: TrainingSequences, on runtime: Runtime
    ) throws(LensError) -> (any Scorer)? {
        defer { kind = .none }
        if let plan, sequences.longestDocument <= plan.context {
            throw .usage(
                "The scorer's context of \(plan.context) tokens covers the longest packed document, of "
                    + "\(sequences.longestDocument), so that nothing is short about it. Lower --scorer-context.")
        }
        switch (kind, plan) {
        case (.own, let plan?):
            return try OwnScorer(
                model, context: plan.context, stride: plan.stride, bosToken: bosToken, length: sequences.length,
                on: runtime)
        case (.model(let source, let layout), let plan?):
            let model = try LanguageModel(reading: source, layout, on: runtime)
            return try ModelScorer(
                model, context: plan.context, stride: plan.stride, bosToken: bosToken, length: sequences.length,
                on: runtime)
        case (.file(let path), _): return try FileScorer(path: path)
        default: return nil
        }
    }
}
