import ArgumentParser
import LensFormats
import LensModels
import LensSupport
import LensTokenizers
import Logging

package struct Convert: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Converts a model between Hugging Face folder, GGUF and llama2.c.",
        discussion: "The output's name decides: .gguf, .bin (llama2.c), anything else a Hugging Face folder.")

    @Argument(help: "The model to read.", completion: .file()) var input: String
    @Argument(help: "What to write.", completion: .file()) var output: String
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Option(name: .long, help: "Number format.") var type = FloatType.f32
    @OptionGroup var machine: RunOptions

    /// Any type is understood, so that what is wrong with a quantized one can be said.
    struct FloatType: ExpressibleByArgument {
        let type: GGUFFileType
        static let allValueStrings = ["f32", "f16", "bf16"]
        static let defaultCompletionKind = CompletionKind.list(allValueStrings)
        static let f32 = FloatType(type: .f32)
        var defaultValueDescription: String { type.argument }
    }

    package init() {}

    package func validate() throws {
        let format = ModelFormat(output: output), name = type.type.argument
        if format == .llama2c && type.type != .f32 { throw ValidationError("llama2.c files hold f32 only.") }
        if type.type.isQuantized {
            throw ValidationError(
                (format == .gguf
                    ? "convert writes f32, f16 and bf16" : "A Hugging Face folder holds f32, f16 or bf16 only")
                    + ", not \(name). longlens quantize IN OUT.gguf --type \(name) writes a GGUF file in it.")
        }
    }

    package mutating func run() throws {
        let work = try ModelWriting(output, machine), type = type.type, most = type.most
        let format = ModelFormat(output: output)
        let pretrained = try work.load(input, tokenizer: tokenizer) { (configuration) throws(LensError) in
            try most.requireRoom(for: configuration, at: output)
        }
        switch format {
        case .gguf: say(warnings: try pretrained.saveGGUF(to: output, type: type, on: work.runtime, check: work.check))
        case .llama2c: say(warnings: try pretrained.saveLlama2C(to: output, on: work.runtime, check: work.check))
        case .huggingFace:
            say(warnings: try pretrained.saveHuggingFace(to: output, type: most, on: work.runtime, check: work.check))
        }
        work.report(type)
    }
}

extension Convert.FloatType {
    init?(argument: String) {
        guard let type = GGUFFileType(name: argument) else { return nil }
        self.type = type
    }
}
