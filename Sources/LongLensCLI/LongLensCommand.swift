import ArgumentParser
import LensCommands
import LongLens

/// The root of the commands.
struct LongLensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longlens",
        abstract: "Trains and scores language models on long documents, on the CPU.",
        discussion: helpOfInputs,
        version: longLensVersion,
        subcommands: [
            Inspect.self, Tokenize.self, Detokenize.self, Score.self, Weigh.self, Train.self, Plan.self, Evaluate.self,
            Complete.self, Quantize.self, Convert.self, Bench.self, Generate.self, Create.self, Manual.self,
        ])
}
