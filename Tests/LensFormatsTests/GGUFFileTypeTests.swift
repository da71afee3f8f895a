import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

/// Which type each matrix gets, against llama.cpp; see Fixtures/make_llama_cpp_fixtures.py.
@Suite struct GGUFFileTypeTests {
    private static let names = [
        "embed_tokens": "token_embd", "lm_head": "output", "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v",
        "o_proj": "attn_output", "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
    ]

    @Test func choosesAsLlamaCpp() throws {
        let file = fixture("llama-cpp-types.json")
        let models = try #require(try JSONValue.parse(contents(of: file), path: file).array)
        var compared = 0
        for model in models {
            let sizes = ["hidden", "feed_forward", "layers", "heads", "key_value_heads"].compactMap {
                model[$0]?.integer
            }
            try #require(sizes.count == 5)
            let layers = sizes[2]
            var configuration = ModelConfiguration(
                vocabularySize: 2, hiddenSize: sizes[0], feedForwardSize: sizes[1], layerCount: layers,
                headCount: sizes[3], keyValueHeadCount: sizes[4], headDimension: sizes[0] / sizes[3], contextLength: 128
            )
            let family = try #require(model["family"]?.string)
            configuration.family = try #require(ModelConfiguration.Family(rawValue: family))
            configuration.tiedEmbeddings = model["tied"] == .bool(true)
            let fileTypes = try #require(model["types"]?.members)
            for entry in fileTypes {
                let fileType = try #require(GGUFFileType(name: entry.name))
                for parameter in configuration.parameters where parameter.shape.count > 1 {
                    let parts = parameter.name.split(separator: ".").map(String.init)
                    let types = try #require(entry.value[Self.names[parts[parts.count - 2]] ?? ""])
                    let expected = parts.count == 6 ? types.array?[Int(parts[2]) ?? 0] ?? types : types
                    let found = fileType.type(of: parameter, in: configuration).name
                    #expect(
                        found == expected.string,
                        "\(configuration.family) of \(layers) layers, \(entry.name), \(parameter.name)")
                    compared += 1
                }
            }
        }
        #expect(compared > 5000)
    }

    @Test func names() {
        for type in GGUFFileType.allCases {
            #expect(GGUFFileType(name: type.name) == type && GGUFFileType(name: type.name.lowercased()) == type)
        }
        #expect(GGUFFileType(name: "q4_k") == .q4_K_M && GGUFFileType(name: "Q5_K") == .q5_K_M)
        #expect(GGUFFileType(name: "q4") == nil && GGUFFileType(name: "q3_k") == nil && GGUFFileType(name: "") == nil)
    }

    /// The file says what it is.
    @Test(arguments: GGUFFileType.allCases)
    func fileType(_ type: GGUFFileType) throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: model.configuration, type: type, name: "m", parameters: model.read
        )
        let metadata = try GGUFFile(path: folder.file("m.gguf")).metadata
        #expect(metadata.integer("general.file_type") == Int(type.rawValue))
        #expect(metadata.integer("general.quantization_version") == (type.isQuantized ? 2 : nil))
    }
}
