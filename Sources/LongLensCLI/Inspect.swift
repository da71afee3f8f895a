import ArgumentParser
import LensSupport
import LongLens

struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows what a model holds and which kernels would run it.")

    @Argument(help: "Model: .gguf file, Hugging Face folder, or llama2.c .bin.", completion: .file()) var model: String
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Flag(name: .long, help: "As JSON.") var json = false
    @OptionGroup var machine: RunOptions

    struct Report: Encodable {
        struct Tensors: Encodable { let type: String, count: Int, elements: Int }
        struct TokenizerReport: Encodable { let vocabulary: Int, bos, eos: Int32?, adds_bos: Bool }
        let architecture: String
        let parameters, layers, hidden_size, feed_forward_size, heads, key_value_heads, head_dimension, vocabulary_size,
            context_length: Int
        let rope_theta: Double
        let rope_scaling: String
        let tied_embeddings: Bool
        let tensors: [Tensors]
        let tokenizer: TokenizerReport?
        let instruction_set: String
        let threads: Int
    }

    mutating func run() throws {
        try machine.prepare()
        let source = try openModel(path: model, tokenizerPath: tokenizer)
        let configuration = source.configuration
        var types: [TensorType: (count: Int, elements: Int)] = [:]
        for parameter in configuration.parameters {
            let type = try source.type(of: parameter.name)
            types[type, default: (0, 0)].count += 1
            types[type, default: (0, 0)].elements += parameter.count
        }
        let tokenizer = try source.tokenizer.map { source throws(LensError) in try Tokenizer(source) }
        let report = Report(
            architecture: configuration.family.rawValue, parameters: configuration.parameterCount,
            layers: configuration.layerCount, hidden_size: configuration.hiddenSize,
            feed_forward_size: configuration.feedForwardSize, heads: configuration.headCount,
            key_value_heads: configuration.keyValueHeadCount, head_dimension: configuration.headDimension,
            vocabulary_size: configuration.vocabularySize, context_length: configuration.contextLength,
            rope_theta: configuration.ropeTheta, rope_scaling: "\(configuration.ropeScaling)",
            tied_embeddings: configuration.tiedEmbeddings,
            tensors: types.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                .init(type: "\($0.key)", count: $0.value.count, elements: $0.value.elements)
            },
            tokenizer: tokenizer.map {
                .init(vocabulary: $0.vocabularySize, bos: $0.bosToken, eos: $0.eosToken, adds_bos: $0.addsBOS)
            },
            instruction_set: InstructionSet.current.rawValue, threads: Threads.count)
        try StandardOutput.write(json ? try Format.json(report, pretty: true) + "\n" : text(report))
    }

    private func text(_ r: Report) -> String {
        var rows: [[String]] = [
            ["architecture", r.architecture], ["parameters", "\(r.parameters)"], ["layers", "\(r.layers)"],
            ["hidden size", "\(r.hidden_size)"], ["feed-forward size", "\(r.feed_forward_size)"],
            ["heads", "\(r.heads) query, \(r.key_value_heads) key/value, of \(r.head_dimension)"],
            ["vocabulary", "\(r.vocabulary_size)\(r.tied_embeddings ? ", tied" : "")"],
            ["context length", "\(r.context_length)"],
            ["rope", "theta \(Format.decimal(r.rope_theta, 0)), scaling \(r.rope_scaling)"],
        ]
        for tensors in r.tensors {
            rows.append(["tensors in \(tensors.type)", "\(tensors.count) with \(tensors.elements) elements"])
        }
        if let t = r.tokenizer {
            let bos = t.bos.map { "\($0)" } ?? "none"
            let eos = t.eos.map { "\($0)" } ?? "none"
            rows.append(["tokenizer", "\(t.vocabulary) tokens, BOS \(bos)\(t.adds_bos ? " (added)" : ""), EOS \(eos)"])
        } else {
            rows.append(["tokenizer", "none in the file"])
        }
        rows.append(["would run with", "\(r.instruction_set), \(r.threads) threads"])
        let width = rows.map { $0[0].count }.max() ?? 0
        return rows.map { $0[0] + String(repeating: " ", count: width + 2 - $0[0].count) + $0[1] + "\n" }.joined()
    }
}
