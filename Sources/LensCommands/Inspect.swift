import ArgumentParser
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTokenizers

package struct Inspect: ParsableCommand {
    package static let configuration = CommandConfiguration(
        abstract: "Shows what a model holds and which kernels would run it.")

    @Argument(
        help: "Model: .gguf file, Hugging Face folder, llama2.c .bin; or a tokenizer, or a model without weights.",
        completion: .file())
    var model: String
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup var computing: ThreadOptions

    struct Report: Encodable {
        struct Tensors: Encodable { let type: String, count: Int, elements: Int }
        struct TokenizerReport: Encodable { let vocabulary: Int, bos, eos: Int32?, adds_bos, adds_eos: Bool }
        // What is not known without weights is left out.
        var architecture: String?
        var parameters, layers, hidden_size, feed_forward_size, heads, key_value_heads, head_dimension, vocabulary_size,
            context_length: Int?
        var rope_theta: Double?
        var rope_scaling: String?
        var tied_embeddings: Bool?
        var tensors: [Tensors] = []
        var tokenizer: TokenizerReport?
        let instruction_set: String
        /// What score would compute in.
        var compute: String?
        let threads: Int
    }

    package init() {}

    package mutating func run() throws {
        let runtime = try computing.runtime()
        let report = try describeWithoutWeights(runtime) ?? describe(runtime)
        try StandardOutput.write(json ? try Format.json(report, pretty: true) + "\n" : text(report))
    }

    private func describe(_ runtime: Runtime) throws(LensError) -> Report {
        let source = try openModel(path: model, tokenizerPath: tokenizer)
        var types: [TensorType: (count: Int, elements: Int)] = [:]
        for parameter in source.configuration.parameters {
            let type = try source.type(of: parameter.name)
            types[type, default: (0, 0)].count += 1
            types[type, default: (0, 0)].elements += parameter.count
        }
        var report = Report(instruction_set: runtime.instructionSet.rawValue, threads: runtime.threadCount)
        report.add(source.configuration)
        report.compute = try WeightLayout(of: source, as: source.configuration, compute: .auto).compute.rawValue
        report.tensors = types.sorted { $0.key.rawValue < $1.key.rawValue }.map {
            .init(type: "\($0.key)", count: $0.value.count, elements: $0.value.elements)
        }
        try add(source.tokenizer, to: &report, warnings: source.warnings)
        return report
    }

    private func describeWithoutWeights(_ runtime: Runtime) throws(LensError) -> Report? {
        guard let known = try WeightlessModel(path: model, tokenizerPath: tokenizer) else { return nil }
        var report = Report(instruction_set: runtime.instructionSet.rawValue, threads: runtime.threadCount)
        report.architecture = known.architecture
        (report.layers, report.hidden_size) = (known.layerCount, known.hiddenSize)
        (report.context_length, report.vocabulary_size) = (known.contextLength, known.vocabularySize)
        if let configuration = known.configuration { report.add(configuration) }
        try add(known.tokenizer, to: &report, warnings: [])
        return report
    }

    private func add(_ source: TokenizerSource?, to report: inout Report, warnings: [String]) throws(LensError) {
        let tokenizer = try source.map { source throws(LensError) in try Tokenizer(source) }
        say(warnings: warnings + (tokenizer?.warnings ?? []))
        report.tokenizer = tokenizer.map {
            .init(
                vocabulary: $0.vocabularySize, bos: $0.bosToken, eos: $0.eosToken, adds_bos: $0.addsBOS,
                adds_eos: $0.addsEOS)
        }
    }

    private func text(_ r: Report) -> String {
        var rows: [[String]] = []
        func add(_ name: String, _ value: String?) { if let value { rows.append([name, value]) } }
        func add(_ name: String, _ value: Int?) { add(name, value.map { "\($0)" }) }
        add("architecture", r.architecture)
        add("parameters", r.parameters)
        add("layers", r.layers)
        add("hidden size", r.hidden_size)
        add("feed-forward size", r.feed_forward_size)
        if let heads = r.heads, let keys = r.key_value_heads, let size = r.head_dimension {
            add("heads", "\(heads) query, \(keys) key/value, of \(size)")
        }
        add("vocabulary", r.vocabulary_size.map { "\($0)\(r.tied_embeddings == true ? ", tied" : "")" })
        add("context length", r.context_length)
        if let theta = r.rope_theta, let scaling = r.rope_scaling {
            add("rope", "theta \(describeNumber(theta)), scaling \(scaling)")
        }
        for tensors in r.tensors {
            add("tensors in \(tensors.type)", "\(tensors.count) with \(tensors.elements) elements")
        }
        if r.tensors.isEmpty { add("tensors", "none: no weights are here") }
        if let t = r.tokenizer {
            let bos = t.bos.map { "\($0)\(t.adds_bos ? " (added)" : "")" } ?? "none"
            let eos = t.eos.map { "\($0)\(t.adds_eos ? " (added)" : "")" } ?? "none"
            add("tokenizer", "\(t.vocabulary) tokens, BOS \(bos), EOS \(eos)")
        } else {
            add("tokenizer", "none in the file")
        }
        if let compute = r.compute {
            add("would run with", "\(r.instruction_set), \(r.threads) threads, \(compute) products")
        }
        let width = rows.map { $0[0].count }.max() ?? 0
        return rows.map { $0[0] + String(repeating: " ", count: width + 2 - $0[0].count) + $0[1] + "\n" }.joined()
    }
}

extension Inspect.Report {
    mutating func add(_ configuration: ModelConfiguration) {
        architecture = configuration.family.rawValue
        parameters = configuration.parameterCount
        layers = configuration.layerCount
        hidden_size = configuration.hiddenSize
        feed_forward_size = configuration.feedForwardSize
        heads = configuration.headCount
        key_value_heads = configuration.keyValueHeadCount
        head_dimension = configuration.headDimension
        vocabulary_size = configuration.vocabularySize
        context_length = configuration.contextLength
        rope_theta = configuration.ropeTheta
        rope_scaling = configuration.ropeScaling.spelling
        tied_embeddings = configuration.tiedEmbeddings
    }
}
