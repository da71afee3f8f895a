import ArgumentParser
import LensCommands

enum TableFormat: String, ExpressibleByArgument, CaseIterable { case table, json, csv }

/// What every benchmark takes.
struct BenchOptions: ParsableArguments {
    @Option(name: .long, help: "Form of the rows.") var format: TableFormat = .table
    @Flag(name: .long, help: "The same as --format json.") var json = false
    @Option(name: .long, help: "Measured repetitions after one that warms up.") var repeats = 3
    @OptionGroup var machine: RunOptions

    func validate() throws {
        if !(1...10_000).contains(repeats) { throw ValidationError("--repeats must be from 1 to 10000.") }
    }

    var chosenFormat: TableFormat { json ? .json : format }
}

/// Lengths such as 1k,2k,4k.
func parseLengths(_ list: String) throws -> [Int] {
    try list.split(separator: ",", omittingEmptySubsequences: false).map {
        guard let count = Count(argument: String($0)) else {
            throw ValidationError("\($0.isEmpty ? "Nothing" : $0) is no number of tokens; write 1k,2k,4k.")
        }
        return count.value
    }
}
