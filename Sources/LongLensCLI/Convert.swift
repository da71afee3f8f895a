import ArgumentParser
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

    mutating func run() throws {
        try machine.prepare()
        let pretrained = try loadSayingWarnings(input, tokenizer: tokenizer)
        if output.hasSuffix(".gguf") {
            say(warnings: try pretrained.saveGGUF(to: output, type: type.tensorType))
        } else if output.hasSuffix(".bin") {
            guard type == .f32 else { throw ValidationError("llama2.c files hold f32 only.") }
            say(warnings: try pretrained.saveLlama2C(to: output))
        } else {
            say(warnings: try pretrained.saveHuggingFace(to: output, type: type.tensorType))
        }
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
        try machine.prepare()
        let pretrained = try loadSayingWarnings(input, tokenizer: tokenizer)
        say(warnings: try pretrained.saveGGUF(to: output, type: type.tensorType))
    }
}
