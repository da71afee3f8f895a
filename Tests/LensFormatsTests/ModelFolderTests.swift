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

@Suite struct ModelFolderTests {
    private func write(_ path: String, seed: UInt64 = 1, shardLimit: Int = .max) throws {
        let model = RandomModel(smallConfiguration(), seed: seed)
        try unsafe writeHuggingFace(
            to: path, configuration: model.configuration, type: .f32, shardLimit: shardLimit, parameters: model.read)
    }

    @Test func replacesAModelFolder() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("m")
        try write(path, seed: 1, shardLimit: 50_000)
        _ = try folder.write("m/NOTES.md", "mine")
        try write(path + "/", seed: 2)
        #expect(TemporaryFolder.names(path) == ["NOTES.md", "config.json", "model.safetensors"])
        #expect(TemporaryFolder.names(folder.path) == ["m"])
        #expect(try readAll(openModel(path: path)) == RandomModel(smallConfiguration(), seed: 2).parameters)
        // An empty folder, and a link to one, may be filled.
        #expect(unsafe mkdir(folder.file("empty"), 0o755) == 0)
        #expect(unsafe symlink(folder.file("empty"), folder.file("link")) == 0)
        try write(folder.file("link"))
        #expect(TemporaryFolder.names(folder.file("empty")) == ["config.json", "model.safetensors"])
    }

    @Test func keepsOtherFolders() throws {
        let folder = try TemporaryFolder()
        #expect(unsafe mkdir(folder.file("photos"), 0o755) == 0)
        _ = try folder.write("photos/cat.jpg", "cat")
        #expect(message(.io) { try write(folder.file("photos")) }.contains("not a model folder"))
        #expect(TemporaryFolder.names(folder.file("photos")) == ["cat.jpg"])
        let file = try folder.write("file", "x")
        _ = message(.io) { try write(file) }
        _ = message(.io) { try write(folder.file("none/m")) }
    }

    @Test func failedWriteKeepsTheOldModel() throws {
        let folder = try TemporaryFolder()
        try write(folder.file("m"), seed: 1)
        _ = message(.io) {
            try unsafe writeHuggingFace(to: folder.file("m"), configuration: smallConfiguration(), type: .f32) {
                (name, _) throws(LensError) in
                if name == "model.norm.weight" { throw .io("the disk is gone") }
            }
        }
        #expect(TemporaryFolder.names(folder.path) == ["m"])
        #expect(
            try readAll(openModel(path: folder.file("m"))) == RandomModel(smallConfiguration(), seed: 1).parameters)
    }

    @Test func namesWhatIsWrongInAFolder() throws {
        let folder = try TemporaryFolder()
        #expect(message(.missing) { _ = try openModel(path: folder.path) }.contains("config.json"))
        #expect(message(.missing) { _ = try openModel(path: folder.file("none")) }.contains("none"))
        try write(folder.file("m"))
        _ = message(.data) { _ = try openModel(path: folder.file("m/model.safetensors")) }
        #expect(unsafe rename(folder.file("m/model.safetensors"), folder.file("m/a.bin")) == 0)
        #expect(message(.missing) { _ = try openModel(path: folder.file("m")) }.contains("safetensors"))
        // Without an index, every safetensors file counts.
        #expect(unsafe rename(folder.file("m/a.bin"), folder.file("m/weights.safetensors")) == 0)
        _ = try openModel(path: folder.file("m"))
        _ = try folder.write("m/again.safetensors", contents(of: folder.file("m/weights.safetensors")))
        #expect(message(.data) { _ = try openModel(path: folder.file("m")) }.contains("two"))
    }

    private func index(_ map: String) -> String { "{\"weight_map\":{\(map)}}" }

    @Test func checksTheIndex() throws {
        let folder = try TemporaryFolder()
        try write(folder.file("m"), shardLimit: 50_000)
        let name = "m/model.safetensors.index.json"
        let text = String(decoding: try contents(of: folder.file(name)), as: UTF8.self)
        for target in ["../x.safetensors", "/etc/passwd", "", "none.safetensors"] {
            _ = try folder.write(name, index("\"model.norm.weight\":\"\(target)\""))
            #expect(throws: LensError.self) { _ = try openModel(path: folder.file("m")) }
        }
        _ = try folder.write(name, text.replacing("model.norm.weight", with: "model.norm.bias"))
        #expect(message(.data) { _ = try openModel(path: folder.file("m")) }.contains("model.norm.bias"))
        _ = try folder.write(name, "{}")
        #expect(message(.data) { _ = try openModel(path: folder.file("m")) }.contains("weight_map"))
    }

    /// A folder of one file whose tensors are changed from the model's.
    private func check(
        _ part: String, _ configuration: ModelConfiguration = smallConfiguration(),
        location: SourceLocation = #_sourceLocation,
        _ change: (inout [(name: String, shape: [Int], elements: SafetensorsElements)]) -> Void
    ) throws {
        let folder = try TemporaryFolder()
        #expect(unsafe mkdir(folder.file("m"), 0o755) == 0)
        var arrays: [(name: String, shape: [Int], elements: SafetensorsElements)] = configuration.parameters.map {
            ($0.name, $0.shape, .float32([Float](repeating: 0, count: $0.count)))
        }
        change(&arrays)
        try SafetensorsWriter.write(path: folder.file("m/model.safetensors"), arrays: arrays)
        _ = try folder.write(
            "m/config.json", HuggingFaceConfigurationWriter.text(configuration, type: .f32, path: ""))
        if part.isEmpty {
            _ = try openModel(path: folder.file("m"))
        } else {
            let text = message(.data, { _ = try openModel(path: folder.file("m")) }, location)
            #expect(text.contains(part), "\(text)", sourceLocation: location)
        }
    }

    @Test func checksParameters() throws {
        let zeros = SafetensorsElements.float32([0, 0, 0, 0])
        try check("") { _ in }
        try check("missing") { $0.removeAll { $0.name == "model.layers.1.mlp.up_proj.weight" } }
        try check("missing") { $0.removeAll { $0.name == "lm_head.weight" } }
        try check("shape") { $0[1].shape = [1, 64] }
        try check("I32") { $0[1].elements = .int32([Int32](repeating: 0, count: 64)) }
        try check("model.layers.2.mlp.up_proj.weight") { $0.append(("model.layers.2.mlp.up_proj.weight", [4], zeros)) }
        try check("model.layers.0.self_attn.q_proj.bias") {
            $0.append(("model.layers.0.self_attn.q_proj.bias", [4], zeros))
        }
        try check("") { $0.append(("model.layers.0.self_attn.rotary_emb.inv_freq", [4], zeros)) }
        try check("", smallConfiguration(tied: true)) {
            $0.append(("lm_head.weight", [40, 64], .float32([Float](repeating: 0, count: 40 * 64))))
        }
        try check("lm_head.weight", smallConfiguration(tied: true)) { $0.append(("lm_head.weight", [2, 2], zeros)) }
    }
}
