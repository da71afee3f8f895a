import ArgumentParser
import LensCommands
import LensSupport

/// The tool for machines that only score: no training, and so nothing of what it needs.
@main
struct LongLensEdge: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longlens",
        abstract: "Scores long documents with language models, on the CPU.",
        discussion: helpOfInputs,
        version: longLensVersion,
        subcommands: scoringCommands)

    static func main() { CommandLineTool.run(Self.self) }
}
