import ArgumentParser
import LensScoring
import LensSupport
import LensTokenizers
import LensWeighting

package struct Weigh: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Gives the weights that training would use, from two score files of the same tokens.",
        discussion: """
            Prints a JSON line a sequence. With --text it shows the documents instead, each token coloured by its score, the loss under the short context minus the loss under the long one, and then the tokens of the largest scores with both losses.
            """)

    @Option(name: .long, help: "Scores under the long context.", completion: .file()) var long: String
    @Option(name: .long, help: "Scores under the short context.", completion: .file()) var short: String
    @Option(
        name: .long, help: "Weighting scheme, as train takes it; --text shows scores without one.",
        completion: .list(WeightingScheme.forms.map(\.name)))
    var scheme: String?
    @Option(name: .long, help: "Decides among equal scores.") var seed: UInt64 = 42
    @Flag(name: .long, help: "Show the documents' text, coloured by score; takes --model.") var text = false
    @Option(name: .long, help: "Model whose tokens they are; its weights are not read.", completion: .file())
    var model: String?
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file())
    var tokenizer: String?
    @Option(name: .long, help: "How many tokens of the largest scores to list (default: 20).") var top: Int?
    @Option(name: .long, help: "Colours of the text; auto: on a terminal that is not dumb, unless NO_COLOR is set.")
    var color: ColorChoice = .auto
    @Option(name: .long, help: "File to write (default: standard output).", completion: .file()) var output: String?

    package init() {}

    package func validate() throws {
        if text {
            if model == nil { throw ValidationError("--text needs the model for its tokens: give --model MODEL.") }
            if let top, top < 0 { throw ValidationError("--top must be at least 0.") }
            return
        }
        if scheme == nil { throw ValidationError("Give --scheme SPEC, or --text to see the scores.") }
        let textual = [("--model", model != nil), ("--tokenizer", tokenizer != nil), ("--top", top != nil)]
        for (name, given) in textual + [("--color", color != .auto)] where given {
            throw ValidationError("\(name) goes with --text.")
        }
    }

    package mutating func run() throws {
        let weighing = ScoreWeighing(
            long: try ScoreFormat.reader(long), short: try ScoreFormat.reader(short),
            scheme: try WeightingScheme(scheme ?? "uniform"), seed: seed)
        let lines = try LinesOutput(path: output)
        if text {
            try show(weighing, on: lines)
        } else {
            while let sequence = try weighing.next() { try lines.write(sequence.jsonLine()) }
        }
        try lines.finish()
    }

    private func show(_ weighing: ScoreWeighing, on output: LinesOutput) throws {
        var options = ModelOptions()
        options.model = model ?? ""
        options.tokenizer = tokenizer
        let tokens = TokenText(tokenizer: try options.loadTokenizer(), model: options.model)
        let painter = TokenPainter(colored: color.isOn(toStandardOutput: self.output == nil))
        var top = TopTokens(limit: self.top ?? 20, weighted: scheme != nil)
        try output.write(Array((painter.legend + "\n").utf8))
        while let sequence = try weighing.next() {
            let shown = try tokens.pieces(of: sequence)
            try output.write(Array((Self.heading(sequence) + painter.paint(shown) + "\n").utf8))
            try top.add(sequence, tokens)
        }
        try output.write(Array(top.table.utf8))
    }

    /// Which sequence it is, and how its losses are on average.
    private static func heading(_ sequence: WeighedSequence) -> String {
        func mean(_ record: ScoreRecord, _ name: String) -> String {
            let context = record.context.map { "a context of \($0)" } ?? "the \(name) context"
            let sum = record.nll.reduce(0.0) { $0 + Double($1) }
            return "\(Format.decimal(sum / Double(max(1, record.nll.count)), 3)) under \(context)"
        }
        return
            "\n== \(sequence.long.document.printable), sequence \(sequence.sequence): \(sequence.long.tokens.count) tokens, "
            + "mean loss \(mean(sequence.long, "long")), \(mean(sequence.short, "short"))\n"
    }
}
