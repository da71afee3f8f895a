import ArgumentParser
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import Logging

package struct Score: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Gives the loss of every token of documents under a context of at most so many tokens.",
        discussion: """
            A document longer than the context is scored by overlapping windows, each of which gives the losses of its last tokens.
            Windows of several documents are computed together, as many as --batch has room for, and written in their order.
            The output feeds train --scorer and weigh.
            While it runs, what is done stands in OUTPUT.partial, the losses inside a document too, at most a second and a batch
            behind. After any end but the right one, kill -9 too, the same command with --resume goes on there, to the same bytes.
            """)

    @OptionGroup var model: ModelOptions
    @Option(name: .long, help: "Tokens of a window, such as 2048 or 2k.") var context: Count
    @Option(
        name: .long,
        help:
            "Tokens from one window to the next (default: context - context²/length where that is whole, so that windows end with the sequence; else 3/4 of the context)."
    )
    var stride: Count?
    @Option(name: .long, help: "Cut documents into sequences of so many tokens first.") var chunk: Count?
    @Flag(name: .customLong("keep-last"), help: "Keep the shorter last sequence of a document.") var keepLast = false
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var batch: BatchOptions
    @Option(name: .long, help: "Form of the scores.") var format: ScoreFormat = .jsonl
    @Option(name: .long, help: "File to write (default: standard output).", completion: .file()) var output: String?
    @Flag(name: .long, help: "Go on from what an interrupted run with the same --output has done.")
    var resume = false
    @OptionGroup var documents: DocumentOptions
    @OptionGroup var machine: RunOptions

    package init() {}

    package func validate() throws {
        if keepLast && chunk == nil { throw ValidationError("--keep-last goes with --chunk.") }
        if let chunk, chunk.value < 2 { throw ValidationError("--chunk must be at least 2.") }
        if resume && output == nil { throw ValidationError("--resume goes with --output.") }
    }

    /// The windows of a sequence.
    func windows(ofLength length: Int) throws(LensError) -> WindowPlan {
        try WindowPlan(length: length, context: context.value, stride: stride?.value, chunk: chunk?.value)
    }

    package mutating func run() throws {
        _ = try windows(ofLength: 1)
        let runtime = try machine.runtime()
        let stop = StopRequest()
        Interrupts.forward(to: stop, announcing: "stopping")
        let log = machine.log
        let reader = try documents.reader(stop) { log.warning("\($0)") }
        let pretrained = try model.load(computing, on: runtime) { () throws(LensError) in
            try stop.check("Stopped while the model was read.")
        }
        machine.note(pretrained, runtime)
        let settings = ScoreSettings([
            ("--context", "\(context.value)"), ("--stride", stride.map { "\($0.value)" } ?? "default"),
            ("--chunk", chunk.map { "\($0.value)" } ?? "none"), ("--keep-last", "\(keepLast)"),
            ("--compute", pretrained.model.compute.rawValue), ("the model's name", modelName(path: pretrained.path)),
            ("the model's weights", pretrained.model.fingerprint),
            ("the instruction set", runtime.arithmeticName),
        ])
        let run = try ScoreRun(self, pretrained, runtime, ProgressLine(quiet: machine.quiet), stop) {
            () throws(LensError) in
            try ScoreOutput(
                path: output, format: format, settings: settings, resume: resume, warn: { log.warning("\($0)") })
        }
        do throws(LensError) {
            try run.score(reader)
        } catch {
            throw run.ended(by: error)
        }
        run.report()
    }
}

extension ScoreFormat: ExpressibleByArgument {}
