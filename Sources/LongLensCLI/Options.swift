import ArgumentParser
import LongLens

/// Which model.
struct ModelOptions: ParsableArguments {
    @Option(
        name: .long, help: ArgumentHelp("Model: .gguf file, Hugging Face folder, or llama2.c .bin.", valueName: "model")
    )
    var model: String

    @Option(name: .long, help: ArgumentHelp("Tokenizer file, for formats that carry none.", valueName: "file"))
    var tokenizer: String?

    func load() throws(LensError) -> Pretrained { try Pretrained.load(path: model, tokenizerPath: tokenizer) }

    /// The tokenizer alone, without reading weights.
    func loadTokenizer() throws(LensError) -> Tokenizer {
        guard let source = try openModel(path: model, tokenizerPath: tokenizer).tokenizer else {
            throw .missing("\(model) carries no tokenizer; give one with --tokenizer FILE.")
        }
        return try Tokenizer(source)
    }
}

/// How the machine is used, and how much is said.
struct RunOptions: ParsableArguments {
    @Option(name: .long, help: "Threads (default: the physical cores this process may use).")
    var threads: Int?

    @Flag(name: .long, help: "No progress, no notes; warnings and errors only.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Say more.")
    var verbose = false

    func validate() throws {
        if let threads, !(1...greatestCount).contains(threads) {
            throw ValidationError("--threads must be at least 1 (more than 1024 are as 1024).")
        }
    }

    /// Chooses threads and instruction set for this process; every command that computes calls it first.
    func prepare() throws(LensError) {
        if let threads { Threads.count = threads }
        try InstructionSet.applyEnvironment()
    }
}

/// Which documents.
struct DocumentOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("Documents: .txt, .jsonl, folders, or - for standard input.", valueName: "document"))
    var documents: [String]

    @Option(name: .long, help: "When text begins with BOS: auto (where the model defines it), always, never.")
    var bos: BOSPolicy = .auto

    /// Turns documents into tokens of the model; without a tokenizer, documents of token ids alone.
    func encoder(for pretrained: Pretrained) throws(LensError) -> DocumentEncoder {
        let configuration = pretrained.model.configuration
        let ids = TokenIDsEncoding(
            model: pretrained.path, vocabularySize: configuration.vocabularySize, bosToken: configuration.bosToken)
        return try DocumentEncoder(pretrained.tokenizer ?? ids, bos: bos)
    }
}

extension BOSPolicy: ExpressibleByArgument {}

/// A count from 1 to ``greatestCount`` that may be written with k for 1024: 512, 2k, 32k.
struct Count: ExpressibleByArgument {
    let value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
        guard let value = parseTokenCount(argument), value > 0 else { return nil }
        self.value = value
    }
}
