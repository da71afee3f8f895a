import ArgumentParser
import LensData
import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensTokenizers
import Logging

package struct Quantize: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Writes a GGUF file with quantized matrices.",
        discussion: """
            Vectors stay in f32. The types that end in _s and _m give the matrices that matter most more bits, as llama.cpp \
            does; q4_k and q5_k are q4_k_m and q5_k_m. Rows that are no multiple of 256 have no K type: q5_0 takes the place \
            of q4_k, q5_1 of q5_k, q8_0 of q6_k. Rows that are no multiple of 32 are stored as f16.
            --check computes the losses of a text under the model that is read, and under the one that was written.
            """)

    @Argument(help: "The model to read.", completion: .file()) var input: String
    @Argument(help: "The .gguf file to write.", completion: .file(extensions: ["gguf"])) var output: String
    @Option(name: .long, help: "Number format of the matrices.") var type: GGUFFileType
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Option(
        name: .customLong("check"),
        help: ArgumentHelp("Say the mean loss of this document before and after.", valueName: "text"),
        completion: .file())
    var text: String?
    @Flag(name: .long, help: "What --check finds as JSON.") var json = false
    @OptionGroup var machine: RunOptions

    package init() {}

    package func validate() throws {
        if json && text == nil {
            throw ValidationError("--json says what --check finds; give --check TEXT with it.")
        }
        if let ending = [".bin", ".safetensors"].first(where: output.hasSuffix) {
            throw ValidationError("quantize writes a GGUF file, and \(output) is named \(ending); name it .gguf.")
        }
    }

    package mutating func run() throws {
        let work = try ModelWriting(output, machine)
        if text != nil, let status = FileStatus(output), status.kind == .stream {
            throw LensError.usage("--check reads \(output) again, and what is written to it cannot be; name a file.")
        }
        let reader = try text.map { (path) throws(LensError) in
            try DocumentReader(
                paths: [path], warn: { say(warnings: [$0]) }, whileWaiting: work.stop.whileWaiting)
        }
        let model = try work.load(input, tokenizer: tokenizer) { (configuration) throws(LensError) in
            try type.requireRoom(for: configuration, at: output)
        }
        guard let reader else { return try write(model, work) }

        let check = try QuantizationCheck(reader, model, progress: ProgressLine(quiet: machine.quiet), work.stop)
        let before = try check.losses(of: model.model, .before, on: work.runtime) { () throws(LensError) in
            try work.check()
        }
        try write(model, work)
        let stopped = "Stopped before the losses were computed; \(output) is written."
        let again = try Pretrained.load(
            path: output, on: work.runtime, check: { () throws(LensError) in try work.stop.check(stopped) })
        let after = try check.losses(of: again.model, .after, on: work.runtime) { () throws(LensError) in
            try work.stop.check(stopped)
        }
        let report = QuantizationReport(check, before, after)
        try StandardOutput.write(json ? try Format.json(report, pretty: true) + "\n" : report.text)
    }

    private func write(_ model: Pretrained, _ work: ModelWriting) throws(LensError) {
        say(warnings: try model.saveGGUF(to: output, type: type, on: work.runtime, check: work.check))
        work.report(type)
    }
}

/// The losses of the same tokens under two models.
private final class QuantizationCheck {
    enum Pass: Int { case before, after }

    /// Tokens of a sequence: the model's context, or as many as most texts are measured with.
    let contextLength: Int
    private let documents: [Document]
    private let encoder: DocumentEncoder
    private let bosToken: Int32?
    private let progress: WorkProgress
    private var tokenCount = 0

    /// Reads all documents.
    init(
        _ reader: DocumentReader, _ model: Pretrained, progress: ProgressLine, _ stop: StopRequest
    ) throws(LensError) {
        let configuration = model.model.configuration
        contextLength = max(2, min(2048, configuration.contextLength))
        encoder = try model.sayingEncoder()
        bosToken = model.bosToken
        self.progress = WorkProgress(progress)
        var documents: [Document] = []
        while let document = try reader.next() { documents.append(document) }
        self.documents = documents
    }

    /// `.data` where no document has two tokens. `check` is called after each layer.
    func losses(
        of model: LanguageModel, _ which: Pass, on runtime: Runtime, check: @escaping () throws(LensError) -> Void
    ) throws(LensError) -> (losses: BucketedLosses, sequences: Int) {
        defer { progress.clear() }
        let pass = try InferencePass(model, contextLength: contextLength, grows: true, on: runtime)
        let earlier = tokenCount
        let evaluation = PerplexityEvaluation(encoder: encoder, pass: pass, bosToken: bosToken) {
            [self, progress] (part) throws(LensError) in
            var part = part
            part.document = "\(which) \(part.document)"
            part.tokens = part.tokens.lowerBound + Double(earlier)..<part.tokens.upperBound + Double(earlier)
            tokenCount = Int(part.tokens.upperBound)
            progress.begin(part)
            pass.afterLayer = { (layers) throws(LensError) in
                try check()
                progress.advance(to: Double(layers) / Double(model.configuration.layerCount))
            }
        }
        let sizes = documents.map(\.size), all = sizes.reduce(0, +)
        progress.byteCount = 2 * all
        var start = which.rawValue * all
        for (document, size) in zip(documents, sizes) {
            try evaluation.add(document, bytes: Double(start)..<Double(start + size))
            start += size
        }
        try evaluation.finish()
        guard evaluation.losses.count > 0 else {
            throw .data(
                "--check: there is nothing to measure in a text of one token: a loss is that of a token after another.")
        }
        return (evaluation.losses, evaluation.sequenceCount)
    }
}

extension Document {
    /// How much it is, in bytes or tokens.
    fileprivate var size: Int {
        switch content {
        case .text(let text): text.count
        case .tokens(let tokens): tokens.count
        }
    }
}

private struct QuantizationReport: Encodable {
    let context, sequences, tokens: Int
    let lossBefore, lossAfter, difference: Double

    enum CodingKeys: String, CodingKey {
        case context, sequences, tokens, difference
        case lossBefore = "loss_before", lossAfter = "loss_after"
    }

    init(
        _ check: QuantizationCheck, _ before: (losses: BucketedLosses, sequences: Int),
        _ after: (losses: BucketedLosses, sequences: Int)
    ) {
        context = check.contextLength
        (sequences, tokens) = (before.sequences, before.losses.count)
        (lossBefore, lossAfter) = (before.losses.mean, after.losses.mean)
        difference = lossAfter - lossBefore
    }

    var text: String {
        "loss \(Format.decimal(lossBefore, 4)) before, \(Format.decimal(lossAfter, 4)) after, "
            + "\(difference < 0 ? "" : "+")\(Format.decimal(difference, 4)), over \(describeCount(tokens, "token"))\n"
    }
}
