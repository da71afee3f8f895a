import ArgumentParser
import Logging
import LongLens

/// Which model.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp("Model: .gguf file, Hugging Face folder, or llama2.c .bin.", valueName: "model"),
        completion: .file())
    var model: String

    @Option(
        name: .long, help: ArgumentHelp("Tokenizer file, for formats that carry none.", valueName: "file"),
        completion: .file())
    var tokenizer: String?

    /// - Parameter check: called before each tensor is read; what it throws ends the reading.
    func load(
        _ options: ComputeOptions, on runtime: Runtime,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) -> Pretrained {
        try loadSayingWarnings(
            model, tokenizer: tokenizer, compute: options.compute, lowMemory: options.lowMemory, on: runtime,
            check: check)
    }

    /// The tokenizer alone, for which there need be no weights.
    func loadTokenizer() throws(LensError) -> Tokenizer {
        guard let source = try openTokenizer(path: model, tokenizerPath: tokenizer) else {
            throw .missing("\(model) carries no tokenizer; give one with --tokenizer FILE.")
        }
        let tokenizer = try Tokenizer(source)
        say(warnings: tokenizer.warnings)
        return tokenizer
    }
}

/// Loads the model at `path` and says its warnings.
///
/// - Parameter before: called with the configuration before a weight is read.
func loadSayingWarnings(
    _ path: String, tokenizer: String?, compute: Compute = .f32, lowMemory: Bool = false, on runtime: Runtime,
    before: (ModelConfiguration) throws(LensError) -> Void = { (_) throws(LensError) in },
    check: () throws(LensError) -> Void = { () throws(LensError) in }
) throws(LensError) -> Pretrained {
    let pretrained = try Pretrained.load(
        path: path, tokenizerPath: tokenizer, compute: compute, lowMemory: lowMemory, on: runtime,
        adjust: { (configuration) throws(LensError) in try before(configuration) },
        check: check)
    say(warnings: pretrained.warnings)
    return pretrained
}

/// What losses are computed in.
struct ComputeOptions: ParsableArguments {
    @Option(
        name: .long,
        help:
            "f32: dequantized weights, exact to rounding; int8: integer products of quantized weights; bf16: products of F16 and BF16 weights in bf16; auto: the fastest whose mean loss stays within 0.01 of f32: int8 where weights are quantized, bf16 where they are F16 or BF16."
    )
    var compute: Compute = .auto
    @Flag(
        name: .customLong("low-memory"),
        help: "Compute from the weights in the mapped file, not from a packed copy: slower, to the same bits."
    )
    var lowMemory = false

    func validate() throws {
        if compute == .f32 && lowMemory {
            throw ValidationError(
                "--low-memory computes from the weights in a file, and --compute f32 from fp32 copies of all "
                    + "weights. Leave out one of them.")
        }
    }
}

extension Compute: ExpressibleByArgument {}

/// How much is computed together.
struct BatchOptions: ParsableArguments {
    @Option(
        name: .long,
        help:
            "Most tokens of windows that are computed together, of several documents too; changes speed and memory, and no loss (default: the context, at least \(WindowPlan.leastBatch))."
    )
    var batch: Count?

    /// A pass over windows of at most `context` tokens.
    func pass(_ model: LanguageModel, context: Int, on runtime: Runtime) throws(LensError) -> InferencePass {
        try InferencePass(
            model, contextLength: context, batch: batch?.value ?? WindowPlan.batch(context: context), grows: true,
            on: runtime)
    }
}

/// How a command computes.
struct ThreadOptions: ParsableArguments {
    @Option(name: .long, help: "Threads (default: the physical cores this process may use).")
    var threads: Int?

    func validate() throws {
        if let threads, !(1...greatestCount).contains(threads) {
            throw ValidationError("--threads must be at least 1 (more than 1024 are as 1024).")
        }
    }

    /// What the command computes with: the threads that were asked for, and the instruction set of the environment variable
    /// LONGLENS_ISA where it is set. Every command that computes makes one first.
    func runtime() throws(LensError) -> Runtime {
        try Runtime.configured(threads: threads)
    }
}

/// How a command computes, and how much it says.
struct RunOptions: ParsableArguments {
    @OptionGroup var computing: ThreadOptions

    @Flag(name: .long, help: "No progress, no notes; warnings and errors only.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more: the model, the machine, what a run does on its way.")
    var verbose = false

    /// What the command computes with, see ``ThreadOptions/runtime()``.
    func runtime() throws(LensError) -> Runtime { try computing.runtime() }
}

/// Which documents.
struct DocumentOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "Documents: .txt, .jsonl, .gz or .zst of these, folders, pipes, or - for standard input.",
            valueName: "document"),
        completion: .file())
    var documents: [String]

    @Option(name: .long, help: "When text begins with BOS; auto: where the model defines it.")
    var bos: BoundaryPolicy = .auto

    @Option(name: .long, help: "When text ends with EOS; auto: where the model defines it.")
    var eos: BoundaryPolicy = .auto

    @Flag(name: .long, help: "Read special tokens written in text as such; without it they are plain text.")
    var special = false

    @Option(
        name: .customLong("input-format"),
        help: "How documents are read; auto: as their names end (.txt, .jsonl), else told from their content.")
    var inputFormat: InputFormat = .auto

    /// Reads the documents; `warn` is told of what is left out or doubtful. `stop` ends waiting for a pipe.
    func reader(_ stop: StopRequest, warn: @escaping (String) -> Void) throws(LensError) -> DocumentReader {
        try DocumentReader(paths: documents, format: inputFormat, warn: warn, whileWaiting: stop.whileWaiting)
    }

    /// Whether text begins with BOS; nil as the model has it.
    var addsBOS: Bool? { bos == .auto ? nil : bos == .always }

    /// Turns documents into tokens of the model; without a tokenizer, documents of token ids alone.
    func encoder(for pretrained: Pretrained) throws(LensError) -> DocumentEncoder {
        try pretrained.sayingEncoder(bos: bos, eos: eos, special: special)
    }
}

extension Pretrained {
    /// Turns documents into tokens of the model and says its warnings, see ``DocumentOptions``.
    func sayingEncoder(
        bos: BoundaryPolicy = .auto, eos: BoundaryPolicy = .auto, special: Bool = false
    ) throws(LensError) -> DocumentEncoder {
        try documentEncoder(bos: bos, eos: eos, special: special, warn: { say(warnings: [$0]) })
    }
}

extension StopRequest {
    /// Ends waiting for a pipe once the stop is requested.
    var whileWaiting: @Sendable () throws(LensError) -> Void {
        { () throws(LensError) in try self.check("Stopped while the documents were read.") }
    }
}

extension BoundaryPolicy: ExpressibleByArgument {}
extension InputFormat: ExpressibleByArgument {}

/// A count from 1 to ``greatestCount`` that may be written with k for 1024: 512, 2k, 32k.
struct Count: ExpressibleByArgument {
    let value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
        guard let value = parseTokenCount(argument), (1...greatestCount).contains(value) else { return nil }
        self.value = value
    }

    var defaultValueDescription: String { "\(value)" }
}

extension RunOptions {
    /// What the tool has to say beside results and progress: warnings always, details with --verbose.
    var log: Logger {
        var logger = Logger(label: "longlens") { _ in StandardErrorLog() }
        logger.logLevel = verbose ? .debug : quiet ? .warning : .notice
        return logger
    }

    /// Says with --verbose what model is used and how the machine computes.
    func note(_ pretrained: Pretrained, _ runtime: Runtime) {
        let configuration = pretrained.model.configuration
        log.debug(
            "\(pretrained.path): \(configuration.family.rawValue), \(configuration.parameterCount) parameters, made for a context of \(configuration.contextLength) tokens; \(runtime.threadCount) threads, \(runtime.instructionSet.rawValue), \(pretrained.model.compute.rawValue) products"
        )
    }
}
