import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

/// GGUF files as llama.cpp and its tools write them.
@Suite struct GGUFFieldTests {
    /// Writes a model and gives its file with `changes` to the metadata and tensors of F32 added.
    private func file(
        _ changes: [String: GGUFValue?], tensors: [(String, [Float])] = []
    ) throws -> (folder: TemporaryFolder, path: String, model: RandomModel) {
        let configuration = smallConfiguration()
        let folder = try TemporaryFolder()
        let model = RandomModel(configuration)
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: configuration, type: .f32, name: "m", parameters: model.read)
        let file = try GGUFFile(path: folder.file("m.gguf"))
        var values = file.metadata.values
        for (key, value) in changes { values[key] = value }
        var list = file.tensors.map { tensor in (tensor.name, tensor.shape, file.floats(of: tensor)) }
        list += tensors.map { ($0.0, [$0.1.count], $0.1) }
        let path = try folder.write("n.gguf", ggufBytes(values.sorted { $0.key < $1.key }, list))
        return (folder, path, model)
    }

    private func opened(
        _ changes: [String: GGUFValue?], tensors: [(String, [Float])] = []
    ) throws -> ModelConfiguration {
        let made = try file(changes, tensors: tensors)
        return try openModel(path: made.path).configuration
    }

    @Test func equalValuesForEachLayer() throws {
        let made = try file([
            "llama.attention.head_count_kv": .int32s([2, 2]),
            "llama.attention.head_count": .numbers(GGUFNumbers([UInt32(4), 4])),
            "llama.attention.layer_norm_rms_epsilon": .float32s([1e-5, 1e-5]),
        ])
        let model = try openModel(path: made.path)
        #expect(model.configuration == made.model.configuration)
        #expect(try readAll(model) == made.model.parameters)
        let text = message(.data) { _ = try opened(["llama.feed_forward_length": .int32s([96, 97])]) }
        #expect(text.contains("layer 1") && text.contains("llama.feed_forward_length"))
        _ = message(.data) { _ = try opened(["llama.block_count": .int32s([])]) }
        _ = message(.data) { _ = try opened(["llama.block_count": .strings([[50]])]) }
    }

    /// llama.cpp multiplies cosines and sines with it whatever the scaling.
    @Test func attentionFactor() throws {
        let key = "llama.rope.scaling.attn_factor"
        let alone = try opened([key: .float32(1.25)])
        #expect(alone.ropeScaling == .none && alone.ropeAttentionFactor == 1.25)
        let both = try opened([key: .float32(1.25), "llama.rope.scaling.yarn_attn_factor": .float32(2)])
        #expect(both.ropeAttentionFactor == 2.5)
        let linear = try opened([
            key: .float32(1.25), "llama.rope.scaling.type": .string(Array("linear".utf8)),
            "llama.rope.scaling.factor": .float32(2),
        ])
        #expect(linear.ropeScaling == .linear(factor: 2) && linear.ropeAttentionFactor == 1.25)
        _ = message(.data) { _ = try opened([key: .float32(-1)]) }
        // It survives every format.
        let folder = try TemporaryFolder()
        for configuration in [alone, linear] {
            let model = RandomModel(configuration)
            try unsafe writeGGUF(
                to: folder.file("a.gguf"), configuration: configuration, type: .f32, name: "", parameters: model.read)
            #expect(try openModel(path: folder.file("a.gguf")).configuration == configuration)
            try unsafe writeHuggingFace(
                to: folder.file("a"), configuration: configuration, type: .f32, parameters: model.read)
            let divisors = [Double](repeating: configuration == alone ? 1 : 2, count: 8)
            #expect(
                try openModel(path: folder.file("a")).configuration.ropeScaling
                    == .longrope(
                        shortFactors: divisors, longFactors: divisors, factor: 1, attentionFactor: 1.25,
                        originalContextLength: 256))
        }
    }

    /// llama.cpp takes the tensors of factors whatever the type says, and divides by the factor too.
    @Test func longropeFactors() throws {
        let factors: [Float] = [1, 1, 1, 2, 2, 3, 3, 4]
        let tensors = [
            ("rope_factors_long.weight", factors), ("rope_factors_short.weight", [Float](repeating: 1, count: 8)),
        ]
        let original: GGUFValue = .uint32(64)
        func scaling(_ more: [String: GGUFValue?]) throws -> RopeScaling {
            try opened(
                more.merging(["llama.rope.scaling.original_context_length": original]) { $1 }, tensors: tensors
            ).ropeScaling
        }
        func expected(_ stretch: Double, _ attention: Double) -> RopeScaling {
            .longrope(
                shortFactors: [Double](repeating: stretch, count: 8), longFactors: factors.map { Double($0) * stretch },
                factor: nil, attentionFactor: attention, originalContextLength: 64)
        }
        #expect(try scaling([:]) == expected(1, 1))
        #expect(try scaling(["llama.rope.scaling.attn_factor": .float32(1.5)]) == expected(1, 1.5))
        #expect(try scaling(["llama.rope.scaling.factor": .float32(4)]) == expected(4, 1))
        let none: GGUFValue = .string(Array("none".utf8))
        #expect(
            try scaling(["llama.rope.scaling.type": none, "llama.rope.scaling.factor": .float32(4)]) == expected(1, 1))
    }

    /// llama.cpp takes 32 and 1 whatever the file says.
    @Test func yarnBetas() throws {
        let folder = try TemporaryFolder()
        for (fast, slow) in [(32.0, 1.0), (16, 1), (32, 2)] {
            var yarn = YarnScaling(factor: 4, originalContextLength: 64)
            (yarn.betaFast, yarn.betaSlow) = (fast, slow)
            var configuration = smallConfiguration()
            configuration.ropeScaling = .yarn(yarn)
            let model = RandomModel(configuration)
            let warnings = try unsafe writeGGUF(
                to: folder.file("m.gguf"), configuration: configuration, type: .f32, name: "m", parameters: model.read)
            #expect(warnings.count == ((fast, slow) == (32, 1) ? 0 : 1))
            #expect(warnings.allSatisfy { $0.contains("beta_fast") && $0.contains("m.gguf") })
            #expect(try openModel(path: folder.file("m.gguf")).configuration == configuration)
        }
    }

    @Test func slidingWindow() throws {
        #expect(try opened(["llama.attention.sliding_window": .uint32(128)]).slidingWindow == 128)
        #expect(try opened(["llama.attention.sliding_window": .uint32(0)]).slidingWindow == nil)
    }

    /// A truth value for each layer, or every how manyth layer has no window.
    @Test func slidingWindowOfSomeLayers() throws {
        func windows(_ pattern: GGUFValue) throws -> [Int?] {
            let configuration = try opened([
                "llama.attention.sliding_window": .uint32(128), "llama.attention.sliding_window_pattern": pattern,
            ])
            return (0..<configuration.layerCount).map(configuration.attentionWindow)
        }
        let layers = try opened([:]).layerCount
        #expect(layers == 2)
        #expect(try windows(.numbers(GGUFNumbers([true, false]))) == [128, nil])
        #expect(try windows(.numbers(GGUFNumbers([false, false]))) == [nil, nil])
        #expect(try windows(.uint32(2)) == [128, nil])
        #expect(try windows(.uint32(0)) == [128, 128])
        for pattern in [GGUFValue.numbers(GGUFNumbers([true])), .float32(0.5), .string([65]), .int32s([1, 1])] {
            #expect(message(.data) { _ = try windows(pattern) }.contains("sliding_window_pattern"))
        }
    }

    @Test func refusesAdapters() throws {
        let text = message(.data) { _ = try opened(["general.type": .string(Array("adapter".utf8))]) }
        #expect(text.contains("adapter"))
    }

    // MARK: Split files

    private func split(_ folder: TemporaryFolder, count: Int = 3, tensors total: Int32? = nil) throws -> RandomModel {
        let model = RandomModel(smallConfiguration())
        try unsafe writeGGUF(
            to: folder.file("m.gguf"), configuration: model.configuration, type: .f32, name: "m", parameters: model.read
        )
        let file = try GGUFFile(path: folder.file("m.gguf"))
        let size = (file.tensors.count + count - 1) / count
        for number in 0..<count {
            var values: [(String, GGUFValue)] = [
                ("split.no", .uint16(UInt16(number))), ("split.count", .uint16(UInt16(count))),
                ("split.tensors.count", .int32(total ?? Int32(file.tensors.count))),
            ]
            if number == 0 { values += file.metadata.values.sorted { $0.key < $1.key } }
            let part = file.tensors[
                min(number * size, file.tensors.count)..<min((number + 1) * size, file.tensors.count)]
            _ = try folder.write(
                "m-0000\(number + 1)-of-0000\(count).gguf",
                ggufBytes(values, part.map { ($0.name, $0.shape, file.floats(of: $0)) }))
        }
        return model
    }

    @Test(arguments: [1, 2, 3])
    func readsAllParts(_ given: Int) throws {
        let folder = try TemporaryFolder()
        let model = try split(folder)
        let opened = try openModel(path: folder.file("m-0000\(given)-of-00003.gguf"))
        #expect(opened.configuration == model.configuration)
        #expect(try readAll(opened) == model.parameters)
        // Written again, it is whole.
        try unsafe writeGGUF(
            to: folder.file("whole.gguf"), configuration: opened.configuration, type: .f32, name: "m",
            origin: opened.origin, parameters: opened.read)
        #expect(try GGUFFile(path: folder.file("whole.gguf")).metadata["split.count"] == nil)
        #expect(try readAll(openModel(path: folder.file("whole.gguf"))) == model.parameters)
    }

    @Test func namesMissingParts() throws {
        let folder = try TemporaryFolder()
        _ = try split(folder)
        let first = folder.file("m-00001-of-00003.gguf")
        let bytes = try contents(of: first)
        let renamed = try folder.write("x.gguf", bytes)
        #expect(message(.data) { _ = try openModel(path: renamed) }.contains("-00001-of-00003.gguf"))
        let second = try contents(of: folder.file("m-00002-of-00003.gguf"))
        _ = try folder.write("m-00002-of-00003.gguf", bytes)
        _ = message(.data) { _ = try openModel(path: first) }
        _ = try folder.write("m-00002-of-00003.gguf", second)
        _ = try openModel(path: first)
        #expect(try TemporaryFolder.names(folder.path).contains("m-00003-of-00003.gguf"))
        try Folders.remove(folder.file("m-00003-of-00003.gguf"))
        #expect(message(.missing) { _ = try openModel(path: first) }.contains("m-00003-of-00003.gguf"))
    }

    @Test func countsTensorsOfParts() throws {
        let folder = try TemporaryFolder()
        _ = try split(folder, tensors: 99)
        #expect(message(.data) { _ = try openModel(path: folder.file("m-00001-of-00003.gguf")) }.contains("99"))
    }
}
