import ArgumentParser
import LensSupport
import LongLens

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures a model on documents.",
        discussion: """
            perplexity: loss overall and by position in the sequence.
            recall: loss of the facts that generated documents ask for, by their distance in tokens (see generate).
            """)

    enum Task: String, ExpressibleByArgument, CaseIterable, Encodable { case perplexity, recall }

    @OptionGroup var model: ModelOptions
    @Option(name: .long, help: "perplexity or recall.") var task: Task = .perplexity
    @Option(name: .long, help: "Tokens in a sequence, such as 2048 or 2k.") var context: Count
    @Option(name: .long, help: "At most so many sequences (default: all).") var sequences: Int?
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup var documents: DocumentOptions
    @OptionGroup var machine: RunOptions

    func validate() throws {
        if context.value < 2 { throw ValidationError("--context must be at least 2: one token predicts nothing.") }
        if let sequences, sequences < 1 { throw ValidationError("--sequences must be at least 1.") }
    }

    mutating func run() throws {
        try machine.prepare()
        let pretrained = try model.load()
        let pass = try InferencePass(pretrained.model, contextLength: context.value, grows: true)
        let progress = ProgressLine(quiet: machine.quiet)
        let report =
            switch task {
            case .perplexity: try perplexity(pretrained, pass, progress)
            case .recall: try recall(pretrained, pass, progress)
            }
        progress.clear()
        try StandardOutput.write(json ? try Format.json(report, pretty: true) + "\n" : report.text)
    }

    private func perplexity(
        _ pretrained: Pretrained, _ pass: InferencePass, _ progress: ProgressLine
    ) throws -> EvaluationReport {
        let bos = pretrained.tokenizer?.bosToken ?? pretrained.model.configuration.bosToken
        var evaluation = PerplexityEvaluation(
            encoder: try documents.encoder(for: pretrained), pass: pass, bosToken: bos)
        let reader = try DocumentReader(paths: documents.documents)
        while evaluation.sequenceCount < sequences ?? .max, let document = try reader.next() {
            try evaluation.add(document, limit: sequences ?? .max) { count in
                progress.update("\(document.id)  \(count) sequences")
            }
        }
        return EvaluationReport(
            task: task, context: context.value, sequences: evaluation.sequenceCount, losses: evaluation.losses)
    }

    private func recall(
        _ pretrained: Pretrained, _ pass: InferencePass, _ progress: ProgressLine
    ) throws -> EvaluationReport {
        guard let tokenizer = pretrained.tokenizer else {
            throw LensError.missing("\(model.model) carries no tokenizer; give one with --tokenizer FILE.")
        }
        var evaluation = RecallEvaluation(tokenizer: tokenizer, pass: pass)
        for path in documents.documents {
            for document in try RecallDocument.read(path: path).prefix((sequences ?? .max) - evaluation.documentCount) {
                try evaluation.add(document)
                progress.update("\(evaluation.documentCount) documents")
            }
        }
        return EvaluationReport(
            task: task, context: context.value, sequences: evaluation.documentCount, losses: evaluation.losses)
    }
}

struct EvaluationReport: Encodable {
    struct Bucket: Encodable { let from, to, tokens: Int; let loss, perplexity: Double }
    let task: Evaluate.Task
    let context, sequences, tokens: Int
    let loss, perplexity: Double
    /// By position (perplexity) or distance (recall), in tokens.
    let buckets: [Bucket]

    init(task: Evaluate.Task, context: Int, sequences: Int, losses: BucketedLosses) {
        self.task = task
        self.context = context
        self.sequences = sequences
        tokens = losses.count
        loss = losses.mean
        perplexity = losses.perplexity
        buckets = losses.buckets.map {
            Bucket(
                from: $0.range.lowerBound, to: $0.range.upperBound - 1, tokens: $0.count, loss: $0.mean,
                perplexity: $0.perplexity)
        }
    }

    var text: String {
        let what = task == .recall ? "distance" : "position"
        var rows = [[what, "tokens", "loss", "perplexity"]]
        rows += buckets.map {
            ["\($0.from)-\($0.to)", "\($0.tokens)", Format.decimal($0.loss, 4), Format.decimal($0.perplexity, 2)]
        }
        rows.append(["all", "\(tokens)", Format.decimal(loss, 4), Format.decimal(perplexity, 2)])
        return Format.table(rows)
    }
}
