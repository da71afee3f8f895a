import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Files as the field writes them, beyond what our own writers do.
@Suite struct FieldFilesTests {
    private typealias Arrays = [(name: String, shape: [Int], elements: SafetensorsElements)]

    private func arrays(_ model: RandomModel) throws -> Arrays {
        try model.configuration.parameters.map {
            ($0.name, $0.shape, .float32(try #require(model.parameters[$0.name])))
        }
    }

    /// A folder with the model's `config.json` and these tensors.
    private func write(_ configuration: ModelConfiguration, _ arrays: Arrays, _ folder: TemporaryFolder) throws
        -> String
    {
        #expect(unsafe mkdir(folder.file("m"), 0o755) == 0)
        try SafetensorsWriter.write(path: folder.file("m/model.safetensors"), arrays: arrays)
        _ = try folder.write("m/config.json", HuggingFaceConfigurationWriter.text(configuration, type: .f32, path: ""))
        return folder.file("m")
    }

    // MARK: Heads and names

    @Test func ownHeadOfATiedModelIsUsed() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        let path = try write(smallConfiguration(tied: true), arrays(model), folder)
        let opened = try openModel(path: path)
        #expect(!opened.configuration.tiedEmbeddings)
        #expect(opened.warnings.count == 1 && opened.warnings[0].contains("lm_head.weight"))
        #expect(try readAll(opened) == model.parameters)
        // What is written says so.
        try unsafe writeHuggingFace(
            to: folder.file("again"), configuration: opened.configuration, type: .f32, origin: opened.origin,
            parameters: opened.read)
        let again = try openModel(path: folder.file("again"))
        #expect(again.warnings.isEmpty && !again.configuration.tiedEmbeddings)
        #expect(try readAll(again) == model.parameters)
    }

    @Test func equalHeadOfATiedModelIsTied() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration(tied: true))
        var tensors = try arrays(model)
        let embedding = tensors[0]
        tensors.append(("lm_head.weight", embedding.shape, embedding.elements))
        let opened = try openModel(path: try write(model.configuration, tensors, folder))
        #expect(opened.configuration.tiedEmbeddings && opened.warnings.isEmpty)
    }

    @Test func tiedMatrixUnderTheHeadsName() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration(tied: true))
        var tensors = try arrays(model)
        tensors[0].name = "lm_head.weight"
        let opened = try openModel(path: try write(model.configuration, tensors, folder))
        #expect(opened.configuration.tiedEmbeddings)
        #expect(try readAll(opened) == model.parameters)
        #expect(try opened.type(of: "model.embed_tokens.weight") == .f32)
    }

    @Test(arguments: [false, true])
    func namesWithoutModel(_ tied: Bool) throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration(tied: tied))
        let tensors = try arrays(model).map {
            ($0.name.hasPrefix("model.") ? String($0.name.dropFirst(6)) : $0.name, $0.shape, $0.elements)
        }
        let opened = try openModel(path: try write(model.configuration, tensors, folder))
        #expect(try readAll(opened) == model.parameters)
    }

    @Test func indexThatListsATiedHead() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration(tied: true))
        try unsafe writeHuggingFace(
            to: folder.file("m"), configuration: model.configuration, type: .f32, shardLimit: 50_000,
            parameters: model.read)
        let name = "m/model.safetensors.index.json"
        let text = String(decoding: try contents(of: folder.file(name)), as: UTF8.self)
        let shard = try #require(TemporaryFolder.names(folder.file("m")).first { $0.hasPrefix("model-00001") })
        let head = "\"lm_head.weight\": \"\(shard)\", \"model.norm.weight\""
        _ = try folder.write(name, text.replacing("\"model.norm.weight\"", with: head))
        #expect(try readAll(openModel(path: folder.file("m"))) == model.parameters)
    }

    // MARK: Other files beside the model

    @Test func hiddenFilesAreNoShards() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        let path = try write(model.configuration, arrays(model), folder)
        #expect(unsafe rename(path + "/model.safetensors", path + "/weights.safetensors") == 0)
        _ = try folder.write("m/._weights.safetensors", [0, 5, 0x16, 7] + [UInt8](repeating: 0, count: 4092))
        #expect(try readAll(openModel(path: path)) == model.parameters)
    }

    @Test func adapters() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        let path = try write(model.configuration, arrays(model), folder)
        _ = try folder.write("m/adapter_config.json", #"{"base_model_name_or_path":"org/base"}"#)
        try SafetensorsWriter.write(
            path: path + "/adapter_model.safetensors", arrays: [("lora", [1], .float32([1]))])
        let warnings = try openModel(path: path).warnings
        #expect(warnings.count == 1 && warnings[0].contains("adapter_model.safetensors"))
        #expect(unsafe unlink(path + "/model.safetensors") == 0)
        #expect(message(.missing) { _ = try openModel(path: path) }.contains("org/base"))
        #expect(unsafe unlink(path + "/config.json") == 0)
        #expect(message(.missing) { _ = try openModel(path: path) }.contains("only an adapter"))
    }

    @Test func byteOrderMarks() throws {
        let folder = try TemporaryFolder()
        let model = RandomModel(smallConfiguration())
        let path = try write(model.configuration, arrays(model), folder)
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        _ = try folder.write("m/config.json", mark + contents(of: path + "/config.json"))
        _ = try folder.write("m/tokenizer.json", mark + Array("{}".utf8))
        guard case .huggingFace(let text, _, _) = try openModel(path: path).tokenizer else {
            Issue.record("a tokenizer.json was expected")
            return
        }
        #expect(text == Array("{}".utf8))
        let other = try openModel(path: path, tokenizerPath: path + "/tokenizer.json").tokenizer
        guard case .huggingFace = other else {
            Issue.record("a tokenizer.json was expected")
            return
        }
        // What is no JSON is named.
        _ = try folder.write("m/config.json", Array("{}".utf8).flatMap { [$0, 0] })
        #expect(message(.data) { _ = try openModel(path: path) }.contains("UTF-16"))
        _ = try folder.write(
            "m/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 77\n")
        _ = try folder.write(
            "m/config.json", HuggingFaceConfigurationWriter.text(model.configuration, type: .f32, path: ""))
        #expect(message(.data) { _ = try openModel(path: path) }.contains("77 bytes"))
    }

    @Test func namesFilesThatAreNoModel() throws {
        let folder = try TemporaryFolder()
        func said(_ name: String, _ bytes: [UInt8]) throws -> String {
            let path = try folder.write(name, bytes)
            return message(.data) { _ = try openModel(path: path) }
        }
        #expect(try said("m.gguf", Array("<!DOCTYPE html>".utf8)).contains("web page"))
        #expect(try said("m.gguf", []).contains("empty"))
        #expect(try said("m.gguf", [1, 2, 3, 4, 5, 6, 7, 8, 9]).contains("GGUF"))
        #expect(try said("pytorch_model.bin", [0x80, 2, 0x8A, 10]).contains("safetensors"))
        #expect(try said("other", Array("{\"a\":1}".utf8)).contains("folder"))
    }
}
