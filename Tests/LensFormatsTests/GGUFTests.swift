import LensFormats
import LensKernels
import LensSupport
import LensTestSupport
import Testing

@Suite struct GGUFTests {
    @Test func readsReferenceFile() throws {
        let file = try GGUFFile(path: fixture("tiny-llama.gguf"))
        #expect(file.version == 3)
        let metadata = file.metadata
        #expect(metadata.string("general.architecture") == "llama")
        #expect(metadata.strings("tokenizer.ggml.tokens")?.count == 24)
        #expect(metadata.strings("tokenizer.ggml.tokens")?.last == [0xFF, 0xFE])
        #expect(metadata.floats("tokenizer.ggml.scores")?[3] == -3)
        #expect(metadata["longlens.u8"] == .uint8(7))
        #expect(metadata["longlens.i8"] == .int8(-7))
        #expect(metadata["longlens.u16"] == .uint16(7))
        #expect(metadata["longlens.i16"] == .int16(-7))
        #expect(metadata["longlens.i32"] == .int32(-7))
        #expect(metadata["longlens.u64"] == .uint64(7))
        #expect(metadata["longlens.i64"] == .int64(-7))
        #expect(metadata["longlens.f64"] == .float64(-3.5))
        #expect(metadata["longlens.bools"] == .numbers(GGUFNumbers([true, false])))
        #expect(metadata["longlens.nested"] == .array([.int32s([1, 2]), .int32s([3, 4])]))
        let tensor = try #require(file.tensor("blk.0.attn_k.weight"))
        #expect(tensor.shape == [16, 32])
        #expect(tensor.type == .bf16)
        #expect(file.tensors.count == 16)
    }

    /// The reference tools wrote one model in both formats.
    @Test func sameModelAsHuggingFaceFolder() throws {
        let gguf = try openModel(path: fixture("tiny-llama.gguf"))
        let folder = try openModel(path: fixture("tiny-llama"))
        #expect(gguf.configuration == folder.configuration)
        #expect(gguf.configuration.ropeScaling == .linear(factor: 2))
        #expect(gguf.configuration.ropeTheta == 50_000)
        #expect(gguf.configuration.attentionOutputBias)
        #expect(gguf.configuration.eosToken == 2)
        #expect(try readAll(gguf) == readAll(folder))
        #expect(try gguf.type(of: "lm_head.weight") == .bf16)
        #expect(try folder.type(of: "lm_head.weight") == .bf16)
        #expect(folder.tokenizer == nil)
        guard case .gguf(let metadata, _) = gguf.tokenizer else {
            Issue.record("a GGUF tokenizer was expected")
            return
        }
        #expect(metadata.string("tokenizer.ggml.model") == "llama")
        #expect(metadata["general.architecture"] == nil)
        #expect(message(.data) { _ = try gguf.type(of: "model.layers.1.mlp.up_proj.weight") }.contains("no parameter"))
    }

    // MARK: Malformed files, made by hand

    private struct Builder {
        var bytes: [UInt8] = Array("GGUF".utf8)

        mutating func add<Value: FixedWidthInteger>(_ value: Value) {
            for byte in 0..<MemoryLayout<Value>.size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
        }

        mutating func add(_ text: String) {
            add(UInt64(text.utf8.count))
            bytes += Array(text.utf8)
        }

        init(version: UInt32 = 3, tensors: UInt64 = 0, pairs: UInt64 = 0) {
            add(version)
            add(tensors)
            add(pairs)
        }

        mutating func addTensor(_ name: String, _ shape: [UInt64], type: UInt32 = 0, offset: UInt64 = 0) {
            add(name)
            add(UInt32(shape.count))
            for size in shape { add(size) }
            add(type)
            add(offset)
        }

        /// Pads to the data and adds it.
        mutating func addData(_ count: Int, alignment: Int = 32) {
            bytes += [UInt8](repeating: 0, count: (alignment - bytes.count % alignment) % alignment + count)
        }
    }

    private func open(_ builder: Builder) throws -> GGUFFile {
        let folder = try TemporaryFolder()
        return try GGUFFile(path: folder.write("a.gguf", builder.bytes))
    }

    private func expectRefused(_ builder: Builder, _ part: String, _ location: SourceLocation = #_sourceLocation) {
        let text = message(.data, { _ = try open(builder) }, location)
        #expect(text.contains(part), "\(text)", sourceLocation: location)
    }

    @Test func acceptsSmallFiles() throws {
        #expect(try open(Builder()).tensors.isEmpty)
        #expect(try open(Builder(version: 2)).version == 2)
        var builder = Builder(tensors: 2)
        builder.addTensor("a", [4], offset: 32)
        builder.addTensor("b", [2, 3], type: 1)
        builder.addData(48)
        let file = try open(builder)
        #expect(file.tensor("b")?.shape == [3, 2])
        #expect(file.tensor("a")?.byteRange.count == 16)
    }

    @Test func refusesVersions() {
        expectRefused(Builder(version: 1), "version 1")
        expectRefused(Builder(version: 4), "version 4")
        expectRefused(Builder(version: 3 << 24), "big-endian")
        expectRefused(Builder(version: 0), "big-endian")
    }

    @Test(arguments: [UInt64.max, 1 << 62, 1 << 40, 2])
    func refusesCounts(_ count: UInt64) {
        expectRefused(Builder(pairs: count), "metadata pairs")
        expectRefused(Builder(tensors: count), "tensors")
        var strings = Builder(pairs: 1)
        strings.add("key")
        strings.add(UInt32(9))
        strings.add(UInt32(8))
        strings.add(count)
        expectRefused(strings, "key")
        for type: UInt32 in [0, 4, 5, 6, 7, 9, 12] {
            var array = Builder(pairs: 1)
            array.add("key")
            array.add(UInt32(9))
            array.add(type)
            array.add(count)
            expectRefused(array, "key")
        }
        var string = Builder(pairs: 1)
        string.add("key")
        string.add(UInt32(8))
        string.add(count)
        expectRefused(string, "key")
        var key = Builder(pairs: 1)
        key.add(count)
        key.addData(64)
        if count > 64 { expectRefused(key, "key") }
    }

    @Test func refusesDeepArrays() {
        var builder = Builder(pairs: 1)
        builder.add("key")
        builder.add(UInt32(9))
        for _ in 0..<100_000 {
            builder.add(UInt32(9))
            builder.add(UInt64(1))
        }
        expectRefused(builder, "deep")
    }

    /// Small files must not make large memory: strings and arrays in arrays are counted over the whole file.
    @Test func limitsMetadata() {
        var strings = Builder(pairs: 1)
        strings.add("key")
        strings.add(UInt32(9))
        strings.add(UInt32(8))
        strings.add(UInt64(1 << 22 + 1))
        strings.bytes += [UInt8](repeating: 0, count: 8 << 22 + 8)
        expectRefused(strings, "strings")
        var arrays = Builder(pairs: 1)
        arrays.add("key")
        arrays.add(UInt32(9))
        arrays.add(UInt32(9))
        arrays.add(UInt64(1 << 16 + 1))
        arrays.bytes += [UInt8](repeating: 0, count: 12 << 16 + 12)
        expectRefused(arrays, "arrays")
        var pairs = Builder(pairs: 1 << 16 + 1)
        pairs.bytes += [UInt8](repeating: 0, count: 13 << 16 + 13)
        expectRefused(pairs, "65536")
        var bools = Builder(pairs: 1)
        bools.add("key")
        bools.add(UInt32(9))
        bools.add(UInt32(7))
        bools.add(UInt64(3))
        bools.bytes += [0, 1, 2]
        expectRefused(bools, "0 or 1")
    }

    @Test func refusesBadMetadata() {
        var twice = Builder(pairs: 2)
        for _ in 0..<2 {
            twice.add("key")
            twice.add(UInt32(4))
            twice.add(UInt32(1))
        }
        expectRefused(twice, "twice")
        var type = Builder(pairs: 1)
        type.add("key")
        type.add(UInt32(13))
        type.addData(32)
        expectRefused(type, "type 13")
        var bool = Builder(pairs: 1)
        bool.add("key")
        bool.add(UInt32(7))
        bool.add(UInt8(2))
        expectRefused(bool, "0 or 1")
        var name = Builder(pairs: 1)
        name.add(UInt64(1))
        name.bytes += [0xFF, 7, 0, 0, 0, 1]
        expectRefused(name, "UTF-8")
    }

    @Test(arguments: [0, 3, 24, 1 << 30])
    func refusesAlignment(_ alignment: UInt32) {
        var builder = Builder(tensors: 1, pairs: 1)
        builder.add("general.alignment")
        builder.add(UInt32(4))
        builder.add(alignment)
        builder.addTensor("a", [1])
        builder.addData(32)
        expectRefused(builder, "alignment")
    }

    @Test func honoursAlignment() throws {
        var builder = Builder(tensors: 1, pairs: 1)
        builder.add("general.alignment")
        builder.add(UInt32(4))
        builder.add(UInt32(256))
        builder.addTensor("a", [1])
        builder.addData(4, alignment: 256)
        let file = try open(builder)
        #expect(file.tensors[0].byteRange == 256..<260)
    }

    @Test func refusesBadTensors() {
        func one(_ part: String, _ location: SourceLocation = #_sourceLocation, _ add: (inout Builder) -> Void) {
            var builder = Builder(tensors: 1)
            add(&builder)
            builder.addData(64)
            expectRefused(builder, part, location)
        }
        one("past the end") { $0.addTensor("a", [17]) }
        one("past the end") { $0.addTensor("a", [1], offset: 64) }
        one("past the end") { $0.addTensor("a", [1], offset: 1 << 62) }
        one("offset") { $0.addTensor("a", [1], offset: .max - 31) }
        one("multiple") { $0.addTensor("a", [1], offset: 4) }
        one("too large") { $0.addTensor("a", [1 << 32, 1 << 32]) }
        one("too large") { $0.addTensor("a", [1 << 61, 1]) }
        one("size") { $0.addTensor("a", [1 << 63]) }
        one("size") { $0.addTensor("a", [4, 0]) }
        one("dimensions") { $0.addTensor("a", [1, 1, 1, 1, 1]) }
        one("dimensions") {
            $0.addTensor("a", [], offset: 0); $0.addData(64)
        }
        one("IQ3_XXS") { $0.addTensor("a", [1], type: 18) }
        one("99") { $0.addTensor("a", [1], type: 99) }
        // The total is whole blocks, a row is not.
        one("blocks") { $0.addTensor("a", [16, 2], type: 2) }
    }

    @Test func refusesTensorsTogether() {
        var twice = Builder(tensors: 2)
        twice.addTensor("a", [1])
        twice.addTensor("a", [1], offset: 32)
        twice.addData(64)
        expectRefused(twice, "twice")
        var overlap = Builder(tensors: 2)
        overlap.addTensor("a", [16], offset: 0)
        overlap.addTensor("b", [1], offset: 32)
        overlap.addData(64)
        expectRefused(overlap, "overlap")
    }

    @Test func keepsAllMetadata() throws {
        var metadata = GGUFMetadata()
        let values: [GGUFValue] = [
            .uint8(255), .int8(-128), .uint16(65535), .int16(-32768), .uint32(.max), .int32(.min), .uint64(.max),
            .int64(.min), .float32(-1.5), .float64(1e300), .bool(true), .string([0xFF, 0]), .strings([[], [1, 2]]),
            .float32s([1, -2]), .int32s([3]), .numbers(GGUFNumbers([UInt8(1), 2])),
            .numbers(GGUFNumbers([UInt32.max, 7])),
            .array([.numbers(GGUFNumbers([true])), .numbers(GGUFNumbers([false, true])), .array([])]),
        ]
        for (index, value) in values.enumerated() { metadata["tokenizer.value\(index)"] = value }
        metadata["llama.block_count"] = .uint32(77)
        let folder = try TemporaryFolder()
        let path = folder.file("a.gguf")
        let model = RandomModel(smallConfiguration())
        try unsafe writeGGUF(
            to: path, configuration: model.configuration, type: .f32, tokenizer: metadata, name: "näme",
            parameters: model.read)
        let file = try GGUFFile(path: path)
        for (index, value) in values.enumerated() { #expect(file.metadata["tokenizer.value\(index)"] == value) }
        #expect(file.metadata.integer("llama.block_count") == 2)
        #expect(file.metadata.string("general.name") == "näme")
    }
}
