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
    @OptionGroup var layerInputs: LayerInputOptions
    @OptionGroup var options: BenchOptions

    private var limit: Int { memoryLimit?.value ?? TrainingMemory.available() }

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
            let plan = layerInputs.memory(model.configuration, length: length, runtime).plan(
                contextLength: length, limit: limit)
            let spilling = try Spilling(plan, folder: layerInputs.spillFolder)
            var work = StepWork(model.configuration, contextLength: length, recompute: plan.recompute)
            work.weighted = kept
            work.spilled = spilling.map { ($0.byteCount, $0.speed) }
            // Before the pass: its buffers have the room of what comes.
            let predicted = try work.time(on: runtime).seconds
            let pass = try TrainingPass(
                model, gradients: gradients, contextLength: length, recompute: plan.recompute,
                spillFile: spilling?.file, on: runtime)
            let tokens = benchTokens(length, model.configuration)
            let weights = benchWeights(length - 1, kept: kept)
            return ContextWork(
                flops: Arithmetic.trainingFlops(model.configuration, length: length), predictedSeconds: predicted
            ) {
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
        for length in lengths {
            let memory = layerInputs.memory(configuration, length: length, runtime)
            let plan = memory.plan(contextLength: length, limit: limit)
            try layerInputs.check(plan)
            guard plan.memory.byteCount > limit else { continue }
            throw LensError.machine(
                "A context of \(length) needs \(Format.bytes(plan.memory.byteCount)), more than \(Format.bytes(limit)). "
                    + memory.advice(contextLength: length, limit: limit))
        }
    }
}
