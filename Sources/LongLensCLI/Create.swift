import ArgumentParser
import LensCommands
import LongLens

struct Create: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a model of random weights, to train from scratch.",
        discussion:
            "Reads config.json (and tokenizer.json, where there is one) from a folder; writes a Hugging Face folder.")

    @Argument(help: "Folder with config.json.", completion: .directory) var input: String
    @Argument(help: "Folder to write.", completion: .directory) var output: String
    @Option(name: .long, help: "The same seed gives the same weights.") var seed: UInt64 = 0
    @OptionGroup var machine: RunOptions

    mutating func run() throws {
        let work = try ModelWriting(output, machine)
        let description = try HuggingFaceDescription(folder: input)
        try TensorType.f32.requireRoom(for: description.configuration, at: output)
        let model = try LanguageModel(randomWeightsOf: description.configuration, seed: seed)
        try work.check()
        let tokenizer = try description.tokenizer.map { source throws(LensError) in try Tokenizer(source) }
        say(warnings: description.warnings + (tokenizer?.warnings ?? []))
        let pretrained = Pretrained(model: model, tokenizer: tokenizer, path: input, origin: description.origin)
        machine.note(pretrained, work.runtime)
        try pretrained.saveHuggingFace(to: output, on: work.runtime, check: work.check)
        work.report(.f32)
    }
}
