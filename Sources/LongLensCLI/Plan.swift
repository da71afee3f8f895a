import ArgumentParser
import LensCommands
import LensSupport
import LongLens

/// A model or the shape of one.
struct ShapeOptions: ParsableArguments {
    @Option(name: .long, help: "Model: .gguf file, Hugging Face folder, or llama2.c .bin.", completion: .file())
    var model: String?
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A known shape instead of a model: \(ModelShapes.names.joined(separator: ", ")).", valueName: "name"),
        completion: .list(ModelShapes.names))
    var shape: String?

    func validate() throws {
        if (model == nil) == (shape == nil) { throw ValidationError("Give either --model or --shape.") }
    }

    /// - Parameter warn: told of what the user should know of the model.
    func configuration(warn: ([String]) -> Void = say(warnings:)) throws(LensError) -> ModelConfiguration {
        if let shape { return try ModelShapes.named(shape) }
        let source = try openModel(path: model ?? "", tokenizerPath: tokenizer)
        warn(source.warnings)
        return source.configuration
    }

    /// The model's weights, or random ones of the shape, which are fp32.
    func loadModel(_ options: ComputeOptions, on runtime: Runtime) throws(LensError) -> LanguageModel {
        guard let shape else {
            return try loadSayingWarnings(
                model ?? "", tokenizer: tokenizer, compute: options.compute, lowMemory: options.lowMemory, on: runtime
            ).model
        }
        guard [.auto, .f32].contains(options.compute) && !options.lowMemory else {
            throw .usage(
                "A --shape has random weights in fp32. Give --model a file with quantized or 16-bit weights to compute "
                    + "from these.")
        }
        return try LanguageModel(randomWeightsOf: try ModelShapes.named(shape), seed: 0)
    }

    /// The same, to be trained.
    func loadTrainableModel(on runtime: Runtime) throws(LensError) -> TrainableModel {
        if let shape { return try TrainableModel(randomWeightsOf: try ModelShapes.named(shape), seed: 0) }
        let source = try openModel(path: model ?? "", tokenizerPath: tokenizer)
        say(warnings: source.warnings)
        return try TrainableModel(reading: source, as: source.configuration, on: runtime)
    }

    var name: String { shape ?? modelName(path: model ?? "") }
}

/// Where the inputs of layers go, and what they are kept in.
struct LayerInputOptions: ParsableArguments {
    @Option(
        name: .customLong("spill-folder"),
        help: "Folder on a disk for the inputs of layers, where memory does not suffice (default: none).",
        completion: .directory)
    var spillFolder: String?
    @Option(
        name: .customLong("layer-inputs"),
        help: "f32, or bf16: half of the memory and disk for them, and gradients that are not exact.")
    var type: LayerInputType = .f32

    /// The memory of a run on sequences of `length` tokens with the default scorer.
    func memory(_ configuration: ModelConfiguration, length: Int, _ runtime: Runtime) -> TrainingMemory {
        TrainingMemory(
            defaultsFor: configuration, contextLength: length, runtime: runtime, spills: spillFolder != nil,
            layerInputs: type)
    }

    /// The same for the longest context that fits.
    func greatestMemory(_ configuration: ModelConfiguration, _ runtime: Runtime) -> TrainingMemory {
        TrainingMemory(
            greatestDefaultsFor: configuration, runtime: runtime, spills: spillFolder != nil, layerInputs: type)
    }

    /// The time of a step of such a plan. Throws as ``check(_:)`` does.
    func time(
        _ memory: TrainingMemory, _ plan: TrainingPlan, contextLength: Int, _ runtime: Runtime
    ) throws(LensError) -> StepTime {
        try check(plan)
        var work = StepWork(memory.configuration, contextLength: contextLength, recompute: plan.recompute)
        work.scorer = memory.scorer
        work.spilled = try Spilling.speed(plan, folder: spillFolder).map { (plan.spilledByteCount, $0) }
        return try work.time(on: runtime)
    }

    /// Throws where the folder is none, or its disk has less room than the plan asks for.
    func check(_ plan: TrainingPlan) throws(LensError) {
        if let spillFolder { try Spilling.check(plan, folder: spillFolder) }
    }
}

extension LayerInputType: ExpressibleByArgument {}

struct Plan: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a training would keep in memory, and the time of a step; trains nothing.")

    @OptionGroup var shape: ShapeOptions
    @Option(name: .long, help: "Context length in tokens, such as 4096 or 4k.") var context: Count
    @Option(name: .long, help: "Memory to fit in, such as 8GiB (default: what this machine has free).") var memoryLimit:
        ByteCount?
    @OptionGroup var layerInputs: LayerInputOptions
    @Flag(
        inversion: .prefixedNo,
        help: "The time of a step, for which this machine is measured for a second or two (default: yes).")
    var time = true
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup var computing: ThreadOptions

    func validate() throws {
        if context.value < 2 { throw ValidationError("--context must be at least 2: one token predicts nothing.") }
    }

    struct Report: Encodable {
        struct Buffer: Encodable { let name: String, bytes: Int }
        let context: Int
        let recompute: String
        let bytes, memory_limit: Int
        /// In the spill folder.
        let disk_bytes: Int
        let longest_context: Int
        /// What the model was made for.
        let model_context: Int
        let buffers: [Buffer]
        /// Of a step with the default scorer, and the scorer's part; nothing where they were not asked for, and where the
        /// plan does not fit.
        let step_seconds, scorer_seconds, tokens_per_second: Double?
        /// What the measurement took.
        let measured_seconds: Double?
    }

    mutating func run() throws {
        let runtime = try computing.runtime()
        let configuration = try shape.configuration()
        let limit = memoryLimit?.value ?? TrainingMemory.available()
        let memory = layerInputs.memory(configuration, length: context.value, runtime)
        let plan = memory.plan(contextLength: context.value, limit: limit)
        let longest = layerInputs.greatestMemory(configuration, runtime).longestContext(limit: limit)
        let fits = plan.memory.byteCount <= limit
        let stepTime = time && fits ? try layerInputs.time(memory, plan, contextLength: context.value, runtime) : nil
        let report = Report(
            context: context.value, recompute: plan.recompute.description, bytes: plan.memory.byteCount,
            memory_limit: limit, disk_bytes: plan.spilledByteCount,
            longest_context: longest, model_context: configuration.trainedContextLength,
            buffers: plan.memory.summary.map { .init(name: $0.name, bytes: $0.byteCount) },
            step_seconds: stepTime?.seconds, scorer_seconds: stepTime?.scorerSeconds,
            tokens_per_second: stepTime?.tokensPerSecond, measured_seconds: stepTime?.measuredSeconds)
        if json {
            try StandardOutput.writeLine(try Format.json(report, pretty: true))
        } else {
            var rows = plan.memory.summary.map { [$0.name, Format.bytes($0.byteCount), "\($0.byteCount)"] }
            rows.append(["total", Format.bytes(report.bytes), "\(report.bytes)"])
            if plan.recompute.spills {
                rows.append(["on disk", Format.bytes(report.disk_bytes), "\(report.disk_bytes)"])
            }
            try StandardOutput.write(Format.table(rows))
            try StandardOutput.writeLine(
                "keeps \(report.recompute); limit \(Format.bytes(limit)); longest context that fits \(longest)")
            if let stepTime { try StandardOutput.writeLine(describe(stepTime)) }
        }
        if let warning = try ContextExtension(contextLength: context.value).warning(for: configuration) {
            say(warnings: [warning])
        } else if longest > configuration.trainedContextLength {
            say(warnings: [
                "The longest context that fits, \(longest) tokens, is past the \(configuration.trainedContextLength) that the model was made for: beyond them its rotary frequencies should be changed, see --rope-theta and --rope-scaling of train."
            ])
        }
        guard fits else {
            throw LensError.machine(
                "A context of \(context.value) needs \(Format.bytes(report.bytes)), more than \(Format.bytes(limit)). "
                    + memory.advice(contextLength: context.value, limit: limit))
        }
        try layerInputs.check(plan)
    }
}

/// Such as "about 118 s a step, of it 12.0 s for the scorer, 69 tokens a second (measured in 1.2 s)".
func describe(_ time: StepTime) -> String {
    func seconds(_ value: Double) -> String {
        "\(Format.decimal(value, value < 1 ? 3 : value < 100 ? 1 : 0)) s"
    }
    let scorer = time.scorerSeconds > 0 ? ", of it \(seconds(time.scorerSeconds)) for the scorer" : ""
    let speed = Format.decimal(time.tokensPerSecond, time.tokensPerSecond < 10 ? 1 : 0)
    return "about \(seconds(time.seconds)) a step\(scorer), \(speed) tokens a second (measured in "
        + "\(seconds(time.measuredSeconds)))"
}

/// A size in bytes that may be written with a unit: 8GiB, 512MiB, 16GB.
struct ByteCount: ExpressibleByArgument {
    let value: Int
    init?(argument: String) {
        guard let value = parseByteCount(argument) else { return nil }
        self.value = value
    }
}
