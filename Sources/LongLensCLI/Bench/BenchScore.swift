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
        try contexts.measureEach(try contexts.lengths(), "scoring", options) { length in
            let pass = try InferencePass(model, contextLength: length, grows: true)
            let tokens = benchTokens(length, model.configuration)
            return ContextWork(flops: Arithmetic.forwardFlops(model.configuration, length: length)) {
                _ = try pass.losses(tokens)
            }
        }
    }
}
