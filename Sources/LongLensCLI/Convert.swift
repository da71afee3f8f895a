import ArgumentParser
import LensSupport
import Logging
import LongLens

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Converts a model between Hugging Face folder, GGUF and llama2.c.",
        discussion: "The output's name decides: .gguf, .bin (llama2.c), anything else a Hugging Face folder.")

    @Argument(help: "The model to read.", completion: .file()) var input: String
    @Argument(help: "What to write.", completion: .file()) var output: String
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Option(name: .long, help: "Number format.") var type: FloatType = .f32
    @OptionGroup var machine: RunOptions

    enum FloatType: String, ExpressibleByArgument, CaseIterable {
        case f32, f16, bf16
        var tensorType: TensorType {
            switch self {
            case .f32: .f32
            case .f16: .f16
            case .bf16: .bf16
            }
        }
    }

    func validate() throws {
        if ModelFormat(output: output) == .llama2c && type != .f32 {
            throw ValidationError("llama2.c files hold f32 only.")
        }
    }

    mutating func run() throws {
        let work = try ModelWriting(output, machine)
        let format = ModelFormat(output: output)
        let pretrained = try work.load(input, tokenizer: tokenizer, toWrite: format, type.tensorType)
        switch format {
        case .gguf: say(warnings: try pretrained.saveGGUF(to: output, type: type.tensorType, check: work.check))
        case .llama2c: say(warnings: try pretrained.saveLlama2C(to: output, check: work.check))
        case .huggingFace:
            say(warnings: try pretrained.saveHuggingFace(to: output, type: type.tensorType, check: work.check))
        }
        work.report("\(type.rawValue)")
    }
}

struct Quantize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a GGUF file with quantized matrices.",
        discussion: "Vectors stay in f32. A tensor whose rows are no whole number of blocks is stored as f16.")

    @Argument(help: "The model to read.", completion: .file()) var input: String
    @Argument(help: "The .gguf file to write.", completion: .file(extensions: ["gguf"])) var output: String
    @Option(name: .long, help: "Number format of the matrices.") var type: QuantizedType
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @OptionGroup var machine: RunOptions

    enum QuantizedType: String, ExpressibleByArgument, CaseIterable {
        case f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1
        var tensorType: TensorType {
            switch self {
            case .f32: .f32
            case .f16: .f16
            case .bf16: .bf16
            case .q8_0: .q8_0
            case .q4_0: .q4_0
            case .q4_1: .q4_1
            case .q5_0: .q5_0
            case .q5_1: .q5_1
            }
        }
    }

    mutating func run() throws {
        let work = try ModelWriting(output, machine)
        let pretrained = try work.load(input, tokenizer: tokenizer, toWrite: .gguf, type.tensorType)
        say(warnings: try pretrained.saveGGUF(to: output, type: type.tensorType, check: work.check))
        work.report("\(type.rawValue)")
    }
}

/// What the commands that write a model have in common: they stop between two tensors when they are asked to, and
/// nothing of the output is there then.
struct ModelWriting {
    private let output: String
    private let machine: RunOptions
    private let stop = StopRequest()
    let runtime: Runtime

    init(_ output: String, _ machine: RunOptions) throws(LensError) {
        runtime = try machine.runtime()
        self.output = output
        self.machine = machine
        Interrupts.forward(to: stop, announcing: "stopping")
    }

    /// Throws `.interrupted` once a signal has asked for the end.
    func check() throws(LensError) {
        try stop.check("Stopped before \(output) was written: nothing of it is kept, and what was there before stays.")
    }

    /// Loads the model at `path`, after a look at whether the disk has room for what is to be written of it.
    func load(
        _ path: String, tokenizer: String?, toWrite format: ModelFormat, _ type: TensorType
    ) throws(LensError) -> Pretrained {
        let pretrained = try loadSayingWarnings(
            path, tokenizer: tokenizer, on: runtime,
            before: { (configuration) throws(LensError) in
                try format.requireRoom(for: configuration, as: type, at: output)
            }, check: check)
        machine.note(pretrained, runtime)
        return pretrained
    }

    func report(_ type: String) { machine.log.notice("wrote \(output) in \(type)") }
}
