import ArgumentParser
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport

/// Which tokens LongPPL is of.
struct KeyTokenOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "longppl: who tells the key tokens: self, a model of the same tokens, or a score file of the model's short losses, of the same sequences (default: self).",
            valueName: "self|model|file"),
        completion: .file())
    var scorer: String?
    @Option(
        name: .customLong("scorer-context"),
        help:
            "longppl: tokens of the scorer's short context (default: what it was made for, where --context is longer; else a quarter of it)."
    )
    var scorerContext: Count?
    @Option(
        name: .customLong("scorer-stride"),
        help: "longppl: tokens from one window of the scorer to the next (default: as of score --chunk).")
    var scorerStride: Count?
    // A negative number looks like an option.
    @Option(
        name: .long, parsing: .unconditional,
        help: "longppl: the long context raises a key token's log-probability by more (default: 2).")
    var alpha: Double?
    @Option(
        name: .long, parsing: .unconditional,
        help: "longppl: a key token's log-probability under the long context is above (default: -2).")
    var beta: Double?

    /// The name of an option that was given, if one was.
    var given: String? {
        [
            ("--scorer", scorer != nil), ("--scorer-context", scorerContext != nil),
            ("--scorer-stride", scorerStride != nil), ("--alpha", alpha != nil), ("--beta", beta != nil),
        ].first { $0.1 }?.0
    }

    func validate() throws {
        if let alpha, !alpha.isFinite { throw ValidationError("--alpha must be a finite number.") }
        if let beta, !(beta.isFinite && beta < 0) {
            throw ValidationError("--beta must be below 0: no log-probability is above that.")
        }
    }

    /// What --scorer means, checked as far as it can be before a model is read.
    ///
    /// - Parameter context: the long one.
    func choice(context: Int) throws(LensError) -> ScorerChoice {
        let choice = try ScorerChoice(scorer, context: scorerContext?.value, stride: scorerStride?.value)
        if let short = scorerContext?.value {
            _ = try WindowPlan.ofScorer(length: context, context: short, stride: scorerStride?.value)
        }
        return choice
    }

    /// Opens what tells the key tokens.
    func evaluator(
        _ choice: ScorerChoice, of pretrained: Pretrained, _ pass: InferencePass, _ command: Evaluate,
        on runtime: Runtime, _ stop: StopRequest
    ) throws(LensError) -> KeyTokenSource {
        let length = command.context.value
        let rule = KeyTokenRule(
            alpha: alpha ?? KeyTokenRule.defaultAlpha, beta: beta ?? KeyTokenRule.defaultBeta)
        func windows(_ configuration: ModelConfiguration) throws(LensError) -> WindowPlan {
            let context =
                scorerContext?.value
                ?? WindowPlan.defaultScorerContext(length: length, trainedFor: configuration.contextLength)
            return try WindowPlan.ofScorer(length: length, context: context, stride: scorerStride?.value)
        }
        switch choice {
        case .none, .own:
            let plan = try windows(pretrained.model.configuration)
            return KeyTokenSource(
                name: "self", rule: rule, windows: plan, warning: nil,
                evaluator: .own(pass, windows: plan, bosToken: pretrained.bosToken))
        case .file(let path):
            return KeyTokenSource(
                name: path, rule: rule, windows: nil, warning: nil, evaluator: .file(try ScoreFile(path: path)))
        case .model(let path):
            // Before its weights are read.
            let source = try openModel(path: path)
            try source.requireTokens(
                of: pretrained.tokenizer, vocabularySize: pretrained.model.configuration.vocabularySize)
            let plan = try windows(source.configuration)
            // The scorer's weights may be of another kind than those that int8 and bf16 are for.
            let compute = command.computing.compute == .f32 ? Compute.f32 : .auto
            let scorer = try loadSayingWarnings(
                path, tokenizer: nil, compute: compute, on: runtime,
                check: { () throws(LensError) in try stop.check("Stopped while the scorer was read.") })
            return KeyTokenSource(
                name: path, rule: rule, windows: plan,
                warning: scorer.model.configuration.warning(contextLength: length).map { "The scorer \(path): \($0)" },
                evaluator: .model(
                    try command.batch.pass(scorer.model, context: length, on: runtime), windows: plan,
                    bosToken: pretrained.bosToken))
        }
    }
}

/// What tells the key tokens of a run.
struct KeyTokenSource {
    /// As it was given.
    let name: String
    let rule: KeyTokenRule
    /// Of a whole sequence under the short context; of a file of scores nobody knows them.
    let windows: WindowPlan?
    let warning: String?
    let evaluator: KeyTokenEvaluator
}
