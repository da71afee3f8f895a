import ArgumentParser
import LensCommands
import LensSupport
import LongLens

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes long documents whose facts are stated early and asked for much later.",
        discussion: """
            One JSON object a line: id, text, and facts with the byte ranges of each value where it is stated and asked.
            Train on them to extend a context, and measure with: evaluate --task recall.
            """)

    @Option(name: .long, help: "How many documents.") var documents: Int = 16
    @Option(name: .long, help: "Words of each, about, such as 3000 or 3k.") var words: Count = Count(3000)
    @Option(name: .long, help: "Share of statements among the sentences that are no questions, from 0 to 1.")
    var density = 0.35
    @Option(name: .long, help: "How often each fact is asked for.") var repeats = 1
    @Option(name: .long, help: "The same seed gives the same documents.") var seed: UInt64 = 0
    @Option(name: .long, help: "File to write (default: standard output).", completion: .file()) var output: String?

    func validate() throws {
        if !(0...1).contains(density) { throw ValidationError("--density must be from 0 to 1.") }
        if words.value > Self.longest { throw ValidationError("--words must be at most \(Self.longest).") }
        for (name, value) in [("repeats", repeats), ("documents", documents)] where !(1...greatestCount).contains(value)
        {
            throw ValidationError("--\(name) must be from 1 to \(greatestCount).")
        }
    }

    /// Some hundreds of megabytes a document.
    private static let longest = 1 << 26

    mutating func run() throws {
        let stop = StopRequest()
        Interrupts.forward(to: stop, announcing: "stopping")
        var generator = try RecallDocumentGenerator(
            words: words.value, density: density, repeats: repeats, seed: seed)
        let file = try output.map { path throws(LensError) in try AtomicFile(path: path) }
        for _ in 0..<documents {
            try stop.check(
                output.map { "Stopped before \($0) was written: nothing of it is kept." }
                    ?? "Stopped; the documents written so far are whole.")
            let line = try Format.json(generator.next()) + "\n"
            if let file { try file.write(line) } else { try StandardOutput.write(line) }
        }
        try file?.commit()
    }
}
