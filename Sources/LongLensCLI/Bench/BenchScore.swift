import ArgumentParser
import LongLens

struct BenchScore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Losses of every token, nothing kept for gradients.")
    @OptionGroup var contexts: ContextOptions
    @OptionGroup var options: BenchOptions

    mutating func run() throws {
        try options.machine.prepare()
        let model = try contexts.shape.loadModel()
        let header = BenchHeader.measure(model: contexts.shape.name)
        let progress = ProgressLine(quiet: options.machine.quiet)
        var rows: [ContextRow] = []
        for length in try contexts.lengths() {
            progress.update("scoring of \(length) tokens")
            let pass = try InferencePass(model, contextLength: length)
            let tokens = benchTokens(length, model.configuration)
            let seconds = try measure(options.repeats) { _ = try pass.losses(tokens) }
            rows.append(
                ContextRow(
                    context: length, seconds: seconds,
                    flops: Arithmetic.forwardFlops(model.configuration, length: length),
                    peak: header.peak_gflops))
        }
        progress.clear()
        try contexts.report(header, rows, options)
    }
}
