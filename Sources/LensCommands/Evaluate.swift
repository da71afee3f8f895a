import ArgumentParser
import LensData
import LensFormats
import LensModels
import LensScoring
import LensSupport
import LensTokenizers
import Logging

package struct Evaluate: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Measures a model on documents.",
        discussion: """
            perplexity: loss overall and by position in the sequence.
            longppl: the same, and LongPPL: perplexity over the key tokens alone, those that the long context makes clearly more
            likely and likely. Which they are is told by --scorer, the model itself or another one, from the losses of each token
            under the whole sequence and under --scorer-context.
            recall: loss of the facts that generated documents ask for, by their distance in tokens (see generate).
            A run that is stopped says what it has measured, and keeps nothing. score --chunk T --context T --keep-last --output FILE
            computes the same losses as perplexity with --context T, says their mean, and can --resume.
            """)

    enum Task: String, ExpressibleByArgument, CaseIterable, Encodable { case perplexity, longppl, recall }

    @OptionGroup var model: ModelOptions
    @Option(name: .long, help: "What to measure.") var task: Task = .perplexity
    @Option(name: .long, help: "Tokens in a sequence, such as 2048 or 2k.") var context: Count
    @Option(name: .long, help: "At most so many sequences (default: all).") var sequences: Int?
    @OptionGroup var keyTokens: KeyTokenOptions
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var batch: BatchOptions
    @OptionGroup var documents: DocumentOptions
    @OptionGroup var machine: RunOptions

    package init() {}

    package func validate() throws {
        if let sequences, sequences < 1 { throw ValidationError("--sequences must be at least 1.") }
        if context.value < 2 {
            throw ValidationError("--context must be at least 2: a sequence of one token predicts nothing.")
        }
        if task != .longppl, let option = keyTokens.given {
            throw ValidationError("\(option) is for --task longppl.")
        }
        if task == .recall && documents.inputFormat == .text {
            throw ValidationError(
                "recall reads JSON lines, as generate writes them; --input-format text is not for it.")
        }
        if task == .recall && (documents.special || documents.eos != .auto) {
            throw ValidationError(
                "recall reads text without special tokens and adds none at its end; --special and --eos are not for it."
            )
        }
    }

    package mutating func run() throws {
        let scorer = task == .longppl ? try keyTokens.choice(context: context.value) : .none
        let runtime = try machine.runtime()
        let stop = StopRequest()
        Interrupts.forward(to: stop, announcing: "stopping")
        let pretrained = try model.load(computing, on: runtime) { () throws(LensError) in
            try stop.check("Stopped while the model was read.")
        }
        machine.note(pretrained, runtime)
        let run = EvaluationRun(
            self, pretrained, try batch.pass(pretrained.model, context: context.value, on: runtime), stop)
        var longPerplexity: LongPerplexityReport?
        do throws(LensError) {
            switch task {
            case .perplexity: try run.measurePerplexity()
            case .longppl:
                longPerplexity = try run.measureLongPerplexity(
                    try keyTokens.evaluator(scorer, of: pretrained, run.pass, self, on: runtime, stop))
            case .recall: try run.measureRecall()
            }
        } catch {
            throw run.ended(by: error)
        }
        run.progress.clear()
        let report = EvaluationReport(
            task: task, context: context.value, compute: pretrained.model.compute, sequences: run.sequenceCount,
            losses: run.losses, longPerplexity: longPerplexity)
        try StandardOutput.write(json ? try Format.json(report, pretty: true) + "\n" : report.text)
        run.report()
    }
}

/// A run of measuring, with its progress and its end.
private final class EvaluationRun {
    let progress: WorkProgress
    private(set) var losses = BucketedLosses()
    private(set) var sequenceCount = 0
    private let command: Evaluate
    private let pretrained: Pretrained
    let pass: InferencePass
    private let stop: StopRequest
    private var documentCount = 0
    private var tokenCount = 0
    private var hasWarned = false

    init(_ command: Evaluate, _ pretrained: Pretrained, _ pass: InferencePass, _ stop: StopRequest) {
        self.command = command
        self.pretrained = pretrained
        self.pass = pass
        self.stop = stop
        progress = WorkProgress(ProgressLine(quiet: command.machine.quiet))
    }

    /// - Parameter afterSequence: called with the losses of each sequence.
    func measurePerplexity(
        afterSequence: @escaping (TokenSequence, [Float]) throws(LensError) -> Void = { (_, _) throws(LensError) in }
    ) throws(LensError) {
        let bos = pretrained.bosToken
        let evaluation = PerplexityEvaluation(
            encoder: try command.documents.encoder(for: pretrained), pass: pass, bosToken: bos
        ) { [self] (part) throws(LensError) in
            tokenCount = Int(part.tokens.upperBound)
            follow(part)
        }
        evaluation.afterSequence = afterSequence
        defer { (losses, sequenceCount) = (evaluation.losses, evaluation.sequenceCount) }
        let reader = try command.documents.reader(stop, warn: warn)
        progress.byteCount = reader.byteCount
        let limit = command.sequences ?? .max
        while evaluation.addedCount < limit {
            let start = reader.position
            guard let document = try evaluation.finishing(beforeErrorOf: reader.next) else { break }
            documentCount += 1
            try evaluation.add(
                document, bytes: Double(start)..<Double(max(start, reader.position)), limit: limit)
        }
        try evaluation.finish()
        guard evaluation.losses.count > 0 else {
            throw .data(
                "There is nothing to measure in \(documentCount == 1 ? "a document" : "\(documentCount) documents") of one "
                    + "token: a loss is that of a token after another.")
        }
    }

    func measureLongPerplexity(_ source: KeyTokenSource) throws(LensError) -> LongPerplexityReport {
        if let warning = source.warning { warn(warning) }
        var longest = 0, isShort = false
        var measured = LongPerplexity(source.rule)
        try measurePerplexity { [self] (sequence, losses) throws(LensError) in
            longest = max(longest, sequence.tokens.count)
            isShort = isShort || source.evaluator.isShort(sequence)
            let evaluator = try source.evaluator.losses(of: sequence, evaluated: losses) { () throws(LensError) in
                try stop.check("Stopped in document \(sequence.document).")
                progress.advance(to: 1, ofSequences: command.sequences)
            }
            measured.add(sequence, losses: losses, evaluator: evaluator)
        }
        guard isShort else {
            throw .usage(
                "The scorer's context of \(source.windows?.context ?? 0) tokens covers the longest sequence, of \(longest), "
                    + "so that nothing is short about it. Lower --scorer-context.")
        }
        if measured.keyLosses.count == 0 {
            warn(
                "There are no key tokens, so that there is no LongPPL: the long context raises the log-probability of no token "
                    + "by more than \(source.rule.alpha) to more than \(source.rule.beta).")
        }
        return LongPerplexityReport(measured, source, all: losses)
    }

    func measureRecall() throws(LensError) {
        guard let tokenizer = pretrained.tokenizer else {
            throw .missing("\(command.model.model) carries no tokenizer; give one with --tokenizer FILE.")
        }
        var evaluation = RecallEvaluation(tokenizer: tokenizer, pass: pass, addsBOS: command.documents.addsBOS)
        let reader = try RecallDocumentReader(
            paths: command.documents.documents, warn: warn, whileWaiting: stop.whileWaiting)
        progress.byteCount = reader.byteCount
        while evaluation.documentCount < command.sequences ?? .max {
            let start = reader.position
            guard let document = try reader.next() else { break }
            let position = Double(start)..<Double(max(start, reader.position))
            let tokens = Double(tokenCount)..<Double(tokenCount + command.context.value)
            let sequences = Double(documentCount)..<Double(documentCount + 1)
            follow(
                WorkPart(
                    document: document.id, longest: command.context.value, bytes: position, tokens: tokens,
                    sequences: sequences))
            try evaluation.add(document)
            tokenCount += evaluation.lastTokenCount
            documentCount += 1
            (losses, sequenceCount) = (evaluation.losses, evaluation.documentCount)
        }
        guard losses.count > 0 else {
            throw .data(
                "There is nothing to measure: no question of the \(documentCount) documents lies within the context of "
                    + "\(command.context.value) tokens.")
        }
    }

    /// Follows the pass over a part of the work.
    private func follow(_ part: WorkPart) {
        let configuration = pretrained.model.configuration
        if !hasWarned, let warning = configuration.warning(contextLength: part.longest) {
            hasWarned = true
            warn(warning)
        }
        progress.begin(part)
        pass.afterLayer = { [self] (layers) throws(LensError) in
            try stop.check("Stopped in document \(part.document).")
            progress.advance(
                to: Double(layers) / Double(configuration.layerCount), ofSequences: command.sequences)
        }
    }

    private func warn(_ message: String) {
        progress.clear()
        command.machine.log.warning("\(message)")
    }

    /// The error of a run that does not come to its end, with what was measured until then.
    func ended(by error: LensError) -> LensError {
        progress.clear()
        guard error.kind != .usage else { return error }
        guard losses.count > 0 else {
            return error.kind == .interrupted ? LensError(.interrupted, "\(error.message) Nothing is kept.") : error
        }
        return LensError(
            error.kind,
            "\(error.message) Until then: loss \(Format.decimal(losses.mean, 4)), perplexity "
                + "\(Format.decimal(losses.perplexity, 2)) over \(losses.count) tokens of \(sequenceCount) sequences. Nothing "
                + "of it is kept.")
    }

    func report() {
        var parts = [
            "\(describeCount(documentCount, "document")), \(describeCount(sequenceCount, "sequence")), "
                + describeCount(tokenCount, "token")
        ]
        if let rate = progress.rate { parts.append("\(Format.decimal(rate, 0)) tok/s") }
        parts.append("computed in \(pretrained.model.compute.rawValue)")
        progress.report(parts.joined(separator: "; "))
    }
}
