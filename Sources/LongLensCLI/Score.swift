import ArgumentParser
import LongLens

struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Gives the loss of every token of documents under a context of at most so many tokens.",
        discussion: """
            A document longer than the context is scored by overlapping windows, each of which gives the losses of its last tokens.
            The output feeds train --scorer and weigh.
            """)

    enum Compute: String, ExpressibleByArgument, CaseIterable { case auto, f32 }

    @OptionGroup var model: ModelOptions
    @Option(name: .long, help: "Tokens of a window, such as 2048 or 2k.") var context: Count
    @Option(name: .long, help: "Tokens from one window to the next.") var stride: Count?
    @Option(name: .long, help: "Cut documents into sequences of so many tokens first.") var chunk: Count?
    @Flag(name: .customLong("keep-last"), help: "Keep the shorter last sequence of a document.") var keepLast = false
    @Option(
        name: .long,
        help:
            "f32: dequantized weights, exact to rounding; auto: the fastest path that stays within 0.01 of it (today f32)."
    )
    var compute: Compute = .auto
    @Option(name: .long, help: "jsonl or safetensors.") var format: ScoreFormat = .jsonl
    @Option(name: .long, help: "File to write (default: standard output).") var output: String?
    @OptionGroup var documents: DocumentOptions
    @OptionGroup var machine: RunOptions

    func validate() throws {
        if keepLast && chunk == nil { throw ValidationError("--keep-last goes with --chunk.") }
        if let chunk, chunk.value < 2 { throw ValidationError("--chunk must be at least 2.") }
    }

    mutating func run() throws {
        try machine.prepare()
        let pretrained = try model.load()
        let encoder = try documents.encoder(for: pretrained)
        let bos = pretrained.tokenizer?.bosToken ?? pretrained.model.configuration.bosToken
        let pass = try InferencePass(pretrained.model, contextLength: context.value, grows: true)
        let reader = try DocumentReader(paths: documents.documents)
        let output = try format.writer(path: output)
        let progress = ProgressLine(quiet: machine.quiet)
        let start = ContinuousClock.now
        var scored = 0
        while let document = try reader.next() {
            for sequence in sequences(of: try encoder.tokens(of: document), document.id, bos) {
                let plan = try WindowPlan(
                    length: sequence.tokens.count, context: context.value, stride: stride?.value, chunk: chunk?.value)
                let before = scored
                var windows = 0
                let nll = try windowedLosses(sequence.tokens, plan: plan, scorer: pass, bosToken: bos) {
                    windows += 1
                    let tokens = before + sequence.tokens.count * windows / plan.count
                    let rate = Double(tokens) / (ContinuousClock.now - start).seconds
                    progress.update(
                        "\(document.id)  sequence \(sequence.index)  \(tokens) tokens  \(Format.decimal(rate, 0)) tok/s"
                    )
                }
                scored += sequence.tokens.count
                try output.write(
                    ScoreRecord(
                        document: document.id, sequence: sequence.index, tokens: sequence.tokens, nll: nll,
                        context: context.value, stride: plan.stride, model: baseName(pretrained.path)))
            }
        }
        try output.finish()
        progress.clear()
    }

    private func sequences(of tokens: [Int32], _ document: String, _ bos: Int32?) -> [TokenSequence] {
        guard let chunk else { return [TokenSequence(document: document, index: 0, tokens: tokens)] }
        return SequenceCutter(length: chunk.value, bosToken: bos, keepLast: keepLast).sequences(
            of: tokens, document: document)
    }
}

extension ScoreFormat: ExpressibleByArgument {}

struct Weigh: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Gives the weights that training would use, from two score files of the same tokens.")

    @Option(name: .long, help: "Scores under the long context.") var long: String
    @Option(name: .long, help: "Scores under the short context.") var short: String
    @Option(name: .long, help: "Weighting scheme, as train takes it.") var scheme: String
    @Option(name: .long, help: "Decides among equal scores.") var seed: UInt64 = 42
    @Option(name: .long, help: "File to write (default: standard output).") var output: String?

    mutating func run() throws {
        let weighing = ScoreWeighing(
            long: try ScoreFormat.reader(long), short: try ScoreFormat.reader(short),
            scheme: try WeightingScheme(scheme),
            seed: seed)
        let output = try LinesOutput(path: output)
        while let sequence = try weighing.next() { try output.write(sequence.jsonLine()) }
        try output.finish()
    }
}
