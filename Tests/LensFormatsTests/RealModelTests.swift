import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

/// Real models, where they are on this machine.
enum RealModels {
    static let smolLM2 = SharedFiles.cached("SmolLM2-135M-Instruct.Q4_1.gguf")
    static let stories = SharedFiles.path("models/stories260K/stories260K.bin")
}

@Suite struct RealModelTests {
    /// One parameter as the reference reads it: the sum of element · (index mod 1009), the first element, and the
    /// one 5 past the middle.
    struct Probe: Sendable {
        var name: String
        var sum: Double
        var first: Float
        var middle: Float
    }

    private func check(_ model: any ModelSource, _ probes: [Probe]) throws {
        let parameters = Dictionary(uniqueKeysWithValues: model.configuration.parameters.map { ($0.name, $0) })
        for probe in probes {
            let elements = try read(model, #require(parameters[probe.name]))
            var sum = 0.0, scale = 0.0
            for (index, element) in elements.enumerated() {
                let term = Double(element) * Double(index % 1009)
                sum += term
                scale += abs(term)
            }
            #expect(abs(sum - probe.sum) <= 1e-12 * scale, "\(probe.name)")
            #expect(elements.first == probe.first, "\(probe.name)")
            #expect(elements[elements.count / 2 + 5] == probe.middle, "\(probe.name)")
        }
    }

    @Test(.enabled(if: RealModels.smolLM2 != nil, "SmolLM2 is not on this machine"))
    func smolLM2() throws {
        let model = try openModel(path: #require(RealModels.smolLM2))
        var expected = ModelConfiguration(
            vocabularySize: 49152, hiddenSize: 576, feedForwardSize: 1536, layerCount: 30, headCount: 9,
            keyValueHeadCount: 3, headDimension: 64, contextLength: 8192)
        expected.ropeTheta = 100_000
        expected.tiedEmbeddings = true
        expected.bosToken = 1
        expected.eosToken = 2
        #expect(model.configuration == expected)
        #expect(model.configuration.parameterCount == 134_515_008)
        #expect(try model.type(of: "model.embed_tokens.weight") == .q8_0)
        #expect(try model.type(of: "model.layers.7.mlp.down_proj.weight") == .q4_1)
        #expect(try model.type(of: "model.norm.weight") == .f32)
        // The `gguf` package, with the converter's permutation undone.
        try check(
            model,
            [
                Probe(
                    name: "model.embed_tokens.weight", sum: -7804811.753322601, first: -0.106544495, middle: -0.24077606
                ),
                Probe(
                    name: "model.layers.0.self_attn.q_proj.weight", sum: 31941.975143432617, first: -0.09631348,
                    middle: -0.7125244),
                Probe(
                    name: "model.layers.29.self_attn.k_proj.weight", sum: 42832.04042816162, first: 0.062408447,
                    middle: 0.21784973),
                Probe(
                    name: "model.layers.7.mlp.down_proj.weight", sum: -98460.48640441895, first: -0.127594,
                    middle: -0.10070801),
                Probe(name: "model.norm.weight", sum: 298738.12109375, first: 1.7578125, middle: 1.6484375),
            ])
    }

    @Test(.enabled(if: RealModels.stories != nil, "stories260K is not beside the checkout"))
    func stories260K() throws {
        let path = try #require(RealModels.stories)
        let tokenizer = path.replacingLast("stories260K.bin", "tok512.bin")
        let model = try openModel(path: path, tokenizerPath: tokenizer)
        var expected = ModelConfiguration(
            vocabularySize: 512, hiddenSize: 64, feedForwardSize: 172, layerCount: 5, headCount: 8,
            keyValueHeadCount: 4, headDimension: 8, contextLength: 512)
        expected.tiedEmbeddings = true
        expected.bosToken = 1
        expected.eosToken = 2
        #expect(model.configuration == expected)
        #expect(model.configuration.parameterCount == 260_032)
        guard case .llama2c(let bytes, let size, let named) = model.tokenizer else {
            Issue.record("a llama2.c tokenizer was expected")
            return
        }
        #expect(bytes.count == 6227 && size == 512 && named == tokenizer)
        // NumPy, reading the file as llama2.c's run.c lays it out.
        try check(
            model,
            [
                Probe(
                    name: "model.layers.2.self_attn.q_proj.weight", sum: 973.8210086996442, first: 0.13947687,
                    middle: 0.044364806),
                Probe(
                    name: "model.layers.4.self_attn.k_proj.weight", sum: 2914.2846431642793, first: -0.02586085,
                    middle: -0.063699976),
                Probe(
                    name: "model.layers.1.mlp.down_proj.weight", sum: 8003.537921814164, first: 0.083489574,
                    middle: -0.11548115),
                Probe(
                    name: "model.layers.3.mlp.up_proj.weight", sum: 6568.280366116509, first: 0.1470759,
                    middle: 0.05897165),
                Probe(name: "model.norm.weight", sum: 3571.6726056933403, first: 2.458309, middle: 3.3886461),
            ])
        // Written again, the file is the same but for the tables.
        let folder = try TemporaryFolder()
        try unsafe writeLlama2C(
            to: folder.file("a.bin"), configuration: model.configuration, parameters: model.read)
        let again = try openModel(path: folder.file("a.bin"))
        #expect(again.configuration == expected)
        #expect(try readAll(again) == readAll(model))
        let tableStart = 28 + 4 * 260_032
        #expect(try contents(of: folder.file("a.bin"))[..<tableStart] == contents(of: path)[..<tableStart])
    }
}

extension String {
    fileprivate func replacingLast(_ suffix: String, _ replacement: String) -> String {
        hasSuffix(suffix) ? dropLast(suffix.count) + replacement : self
    }
}
