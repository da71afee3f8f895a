import ArgumentParser
import LensCommands
import LongLens

struct BenchTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Whole training steps: forward, weighted backward, update.")
    @OptionGroup var contexts: ContextOptions
    @Option(name: .long, help: "Share of the tokens with a weight above 0, as a sparse scheme leaves.") var kept = 1.0
    @Option(name: .long, help: "Memory to stay within, such as 8GiB (default: what the machine has free).")
    var memoryLimit: ByteCount?
    @OptionGroup var options: BenchOptions

    func validate() throws {
        if !(0...1).contains(kept) { throw ValidationError("--kept must be from 0 to 1.") }
    }

    mutating func run() throws {
        let runtime = try options.machine.runtime()
        let lengths = try contexts.lengths()
        // What there is to warn of is said when the weights are read.
        try checkMemory(lengths, try contexts.shape.configuration { _ in }, runtime)
        let model = try contexts.shape.loadTrainableModel(on: runtime)
        let gradients = try ParameterStore(model.configuration)
        let optimizer = AdamW()
        let state = try TrainingState(model.parameters)
        try contexts.measureEach(lengths, "training steps", options, on: runtime) { length in
            let plan = TrainingMemory.plan(
                model.configuration, contextLength: length, limit: memoryLimit?.value ?? TrainingMemory.available(),
                runtime: runtime)
            let pass = try TrainingPass(
                model, gradients: gradients, contextLength: length, recompute: plan.recompute, on: runtime)
            let tokens = benchTokens(length, model.configuration)
            let weights = benchWeights(length - 1, kept: kept)
            return ContextWork(flops: Arithmetic.trainingFlops(model.configuration, length: length)) {
                gradients.all.fill(0)
                _ = try pass.forward(tokens)
                try pass.backward(weights: weights)
                let norm = try AdamW.norm(gradients, on: runtime)
                try optimizer.update(state, gradients: gradients, norm: norm, learningRate: 1e-9, on: runtime)
            }
        }
    }

    /// Every context is checked before the first is measured.
    private func checkMemory(_ lengths: [Int], _ configuration: ModelConfiguration, _ runtime: Runtime) throws {
        let limit = memoryLimit?.value ?? TrainingMemory.available()
        for length in lengths {
            let plan = TrainingMemory.plan(configuration, contextLength: length, limit: limit, runtime: runtime)
            guard plan.memory.byteCount > limit else { continue }
            let longest = TrainingMemory.longestContext(configuration, limit: limit, runtime: runtime)
            throw LensError.machine(
                "A context of \(length) needs \(Format.bytes(plan.memory.byteCount)), more than \(Format.bytes(limit)); at most \(longest) tokens fit."
            )
        }
    }
}
