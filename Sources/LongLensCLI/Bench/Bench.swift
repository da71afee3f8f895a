import ArgumentParser
import LensCommands

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures throughput and memory for each context length, or the kernels alone.",
        subcommands: [BenchTrain.self, BenchScore.self, BenchKernels.self])
}
