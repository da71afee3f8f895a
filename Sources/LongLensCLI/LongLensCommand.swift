import ArgumentParser

/// The root of the commands.
struct LongLensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longlens",
        abstract: "Trains and scores language models on long documents, on the CPU.",
        discussion: """
            A model is a .gguf file, a Hugging Face folder, or a llama2.c .bin with --tokenizer.
            A document is a .txt file, a .jsonl file ({"text": …} or {"tokens": […]} a line), a folder of these, or - for standard input.
            """,
        version: version,
        subcommands: [
            Inspect.self, Tokenize.self, Detokenize.self, Score.self, Weigh.self, Train.self, Plan.self, Evaluate.self,
            Quantize.self, Convert.self, Bench.self, Generate.self, Create.self, Manual.self,
        ])
}
