import ArgumentParser
import LensData
import LensFormats
import LensGeneration
import LensKernels
import LensModels
import LensSupport
import LensTokenizers
import Logging

package struct Complete: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Goes on with a text: generates what follows a prompt.",
        discussion: """
            The most likely token at every step, or with --temperature a drawn one: the same seed gives the same text. It ends at
            the model's end tokens, at a --stop text, or after --max-tokens. What is generated is written as it comes, without the
            prompt; a line break follows.
            Keys and values of prompt and text are kept in memory: the model's layers x (tokens of both) x 2 x its key/value
            heads x their size x 4 bytes. Rotary scalings that depend on the length (dynamic, longrope) are those for the prompt
            and --max-tokens together.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "The text to go on with, exactly as it is; - for standard input.") var prompt: String?
    @Option(name: .long, help: "A file that holds the prompt; - for standard input.", completion: .file())
    var file: String?
    @Option(
        name: .customLong("max-tokens"),
        help: "Most tokens to generate (default: \(Self.defaultCount), or what the model's context has room for).")
    var maxTokens: Count?
    @Option(
        name: .long,
        help: "0 takes the most likely token; 1 draws by the model's probabilities; between, likelier ones.")
    var temperature: Double?
    @Option(name: .customLong("top-k"), help: "Draw among so many of the most likely tokens (default: all).")
    var topK: Int?
    @Option(
        name: .customLong("top-p"),
        help: "Draw among the fewest most likely tokens whose probabilities reach this together (default: 1, all).")
    var topP: Double?
    @Option(name: .long, help: "What decides the draws (default: 0).") var seed: UInt64?
    @Option(name: .long, help: "A text to end before; may be given several times.") var stop: [String] = []
    @Flag(name: .customLong("ignore-eos"), help: "Go on after the model's end tokens.") var ignoresEnd = false
    @Option(name: .long, help: "When the prompt begins with BOS; auto: where the model defines it.")
    var bos: BoundaryPolicy = .auto
    @Flag(name: .long, help: "Read special tokens written in the prompt as such; without it they are plain text.")
    var special = false
    @Option(
        name: .long, help: "Tokens of the prompt that are computed together; changes speed and memory, and no token.")
    var chunk = Count(GenerationPass.defaultChunkLength)
    @Flag(name: .long, help: "As JSON, with the tokens, once all is generated.") var json = false
    @OptionGroup var computing: ComputeOptions
    @OptionGroup var machine: RunOptions

    static let defaultCount = 128

    package init() {}

    package func validate() throws {
        if (prompt == nil) == (file == nil) {
            throw ValidationError("Give the prompt either as an argument or with --file.")
        }
        do throws(LensError) { try sampling.check() } catch { throw ValidationError(error.message) }
        if sampling.temperature == 0, topK != nil || topP != nil || seed != nil {
            throw ValidationError(
                "--top-k, --top-p and --seed are for drawing tokens, and without --temperature the most likely one is taken. "
                    + "Give --temperature 1, for example, or leave them out.")
        }
        if stop.contains("") { throw ValidationError("A --stop text must not be empty.") }
    }

    private var sampling: SamplingSettings {
        SamplingSettings(temperature: temperature ?? 0, topK: topK, topP: topP, seed: seed ?? 0)
    }

    package mutating func run() throws {
        let runtime = try machine.runtime()
        let stopRequest = StopRequest()
        Interrupts.forward(to: stopRequest, announcing: "stopping")
        let text = try readPrompt()
        let pretrained = try model.load(computing, on: runtime) { () throws(LensError) in
            try stopRequest.check("Stopped while the model was read.")
        }
        machine.note(pretrained, runtime)
        let tokens = try encode(text, pretrained)
        let context = pretrained.model.configuration.trainedContextLength
        let count = maxTokens?.value ?? max(1, min(Self.defaultCount, context - tokens.count))
        let generation = try TextGeneration(
            pretrained, tokens: tokens,
            settings: GenerationSettings(
                maxTokens: count, sampling: sampling, stops: stop, endsAtEndTokens: !ignoresEnd),
            chunkLength: chunk.value, on: runtime)
        let run = CompletionRun(generation, stopRequest, ProgressLine(quiet: machine.quiet), streams: !json)
        try run.run(layerCount: pretrained.model.configuration.layerCount)
        if json {
            let report = CompletionReport(
                generation, text: run.text, model: modelName(path: pretrained.path), compute: pretrained.model.compute)
            try StandardOutput.write(try Format.json(report, pretty: true) + "\n")
        }
        run.report(pretrained.model.compute)
    }

    private func readPrompt() throws(LensError) -> [UInt8] {
        if let prompt, prompt != "-" { return Array(prompt.utf8) }
        return try readBytes(file ?? "-")
    }

    private func encode(_ text: [UInt8], _ pretrained: Pretrained) throws(LensError) -> [Int32] {
        guard let tokenizer = pretrained.tokenizer else {
            throw .missing("\(model.model) carries no tokenizer; give one with --tokenizer FILE.")
        }
        return try tokenizer.encode(text, addBOS: bos.adds, addEOS: false, parseSpecial: special)
    }
}

/// A run of generating, with what it shows on its way.
private final class CompletionRun {
    private(set) var text = ""
    private let generation: TextGeneration
    private let stop: StopRequest
    private let line: ProgressLine
    private let streams: Bool
    private let start = ContinuousClock.now
    /// When the prompt was computed.
    private var begun: ContinuousClock.Instant?

    init(_ generation: TextGeneration, _ stop: StopRequest, _ line: ProgressLine, streams: Bool) {
        self.generation = generation
        self.stop = stop
        self.line = line
        self.streams = streams
    }

    func run(layerCount: Int) throws(LensError) {
        generation.afterLayer = { [unowned self] (tokens, layers) throws(LensError) in
            try stop.check(
                "Stopped after \(describeCount(generation.tokens.count, "token")) of \(generation.settings.maxTokens).")
            // Of a short prompt nothing is to be said.
            guard begun == nil, ContinuousClock.now - start > .seconds(1) else { return }
            line.update(
                "prompt: \(tokens) of \(generation.prompt.count) tokens, layer \(layers) of \(layerCount)")
        }
        do throws(LensError) {
            while let piece = try generation.next() {
                if begun == nil {
                    begun = .now
                    line.clear()
                }
                try give(piece.text)
            }
            try give(generation.rest)
        } catch {
            line.clear()
            // The line that was begun is ended, so that the message has one of its own.
            if streams, error.kind != .io, !text.isEmpty { try StandardOutput.write("\n") }
            throw error
        }
        line.clear()
        if streams { try StandardOutput.write("\n") }
    }

    private func give(_ new: String) throws(LensError) {
        text += new
        guard streams, !new.isEmpty else { return }
        try StandardOutput.write(Terminal.showsOutput ? new.printableText : new)
    }

    func report(_ compute: Compute) {
        let (prompt, count) = (generation.prompt.count, generation.tokens.count)
        var parts = ["\(describeCount(prompt, "token")) of prompt, \(count) generated"]
        switch generation.end {
        case .endToken(let token): parts.append("ended by token \(token)")
        case .stop(let text): parts.append("ended before \"\(text)\"")
        case .maxTokens, nil: parts.append("ended by --max-tokens")
        }
        if let begun {
            parts.append("prompt \(Format.decimal(Double(prompt) / (begun - start).seconds, 0)) tok/s")
            // The first token comes with the prompt.
            let seconds = (ContinuousClock.now - begun).seconds
            if count > 1 { parts.append("text \(Format.decimal(Double(count - 1) / seconds, 1)) tok/s") }
        }
        parts.append("computed in \(compute.rawValue)")
        line.report(parts.joined(separator: "; "))
    }
}

extension String {
    /// The text with line breaks and tabs, but nothing else that a terminal would obey: what a model writes may come from
    /// what a stranger has written.
    fileprivate var printableText: String {
        split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).printable }.joined(
                separator: "\t")
        }.joined(separator: "\n")
    }
}

private struct CompletionReport: Encodable {
    let model, compute, text: String
    let prompt_tokens, tokens: [Int32]
    /// `eos`, `stop` or `max_tokens`.
    let end: String
    var end_token: Int32?
    var stop: String?
    let temperature: Double
    var top_k: Int?
    var top_p: Double?
    var seed: UInt64?

    init(_ generation: TextGeneration, text: String, model: String, compute: Compute) {
        (self.model, self.compute, self.text) = (model, compute.rawValue, text)
        (prompt_tokens, tokens) = (generation.prompt, generation.tokens)
        switch generation.end {
        case .endToken(let token): (end, end_token) = ("eos", token)
        case .stop(let text): (end, stop) = ("stop", text)
        case .maxTokens, nil: end = "max_tokens"
        }
        let sampling = generation.settings.sampling
        (temperature, top_k, top_p) = (sampling.temperature, sampling.topK, sampling.topP)
        if sampling.temperature > 0 { seed = sampling.seed }
    }
}
