import ArgumentParser
import LensCommands
import LongLens

struct BenchScore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Losses of every token, nothing kept for gradients.")
    @OptionGroup var contexts: ContextOptions
    @OptionGroup var compute: ComputeOptions
    @OptionGroup var options: BenchOptions

    mutating func run() throws {
        let runtime = try options.machine.runtime()
        let model = try contexts.shape.loadModel(compute, on: runtime)
        try contexts.measureEach(
            try contexts.lengths(), "scoring", options, compute: model.compute, on: runtime
        ) { length in
            let pass = try InferencePass(model, contextLength: length, grows: true, on: runtime)
            let tokens = benchTokens(length, model.configuration)
            return ContextWork(flops: Arithmetic.forwardFlops(model.configuration, length: length)) {
                _ = try pass.losses(tokens)
            }
        }
    }
}
