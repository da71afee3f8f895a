import ArgumentParser
import LongLens

struct Weigh: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Gives the weights that training would use, from two score files of the same tokens.")

    @Option(name: .long, help: "Scores under the long context.", completion: .file()) var long: String
    @Option(name: .long, help: "Scores under the short context.", completion: .file()) var short: String
    @Option(name: .long, help: "Weighting scheme, as train takes it.") var scheme: String
    @Option(name: .long, help: "Decides among equal scores.") var seed: UInt64 = 42
    @Option(name: .long, help: "File to write (default: standard output).", completion: .file()) var output: String?

    mutating func run() throws {
        let weighing = ScoreWeighing(
            long: try ScoreFormat.reader(long), short: try ScoreFormat.reader(short),
            scheme: try WeightingScheme(scheme),
            seed: seed)
        let output = try LinesOutput(path: output)
        while let sequence = try weighing.next() { try output.write(sequence.jsonLine()) }
        try output.finish()
    }
}
