import LensFormats
import LensSupport
import LensTestSupport
import Testing

@Suite struct SafetensorsTests {
    @Test func readsReferenceFile() throws {
        let file = try SafetensorsFile(path: fixture("types.safetensors"))
        #expect(file.metadata == ["format": "pt", "quote": "a \"b\" \\ ü\n"])
        #expect(file.tensors.count == 10)
        #expect(try file.floats("f32") == [1.5, -2, 3.25])
        #expect(try file.tensor("f32").shape == [1, 3])
        #expect(try file.floats("f16") == [1.5, -2, 65504])
        let bf16 = try file.floats("bf16")
        #expect(bf16[..<2] == [1.5, -2] && abs(bf16[2] - 3e38) < 1e36)
        #expect(try file.int64s("i64") == [1, -(1 << 40)])
        #expect(try file.int32s("i32") == [7, -8])
        #expect(try file.uint8s("u8") == [0, 255, 3])
        #expect(try file.tensor("bool").dataType == .bool)
        #expect(try file.floats("scalar") == [4.5])
        #expect(try file.tensor("scalar").shape == [])
        #expect(try file.floats("empty") == [])
        #expect(message(.data) { _ = try file.floats("f64") }.contains("F64"))
        #expect(message(.data) { _ = try file.floats("none") }.contains("none"))
    }

    @Test func roundTrip() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.safetensors")
        let floats = randomFloats(35, seed: 1)
        try SafetensorsWriter.write(
            path: path,
            arrays: [
                ("z.u8", [3], .uint8([1, 2, 3])), ("b", [5, 7], .float32(floats)), ("a", [2], .int32([.min, .max])),
                ("wide", [1, 1], .int64([.min])), ("empty", [0, 4], .float32([])), ("scalar", [], .int32([9])),
            ], metadata: ["b": "2", "a": "\"1\""])
        let file = try SafetensorsFile(path: path)
        #expect(file.names.filter { $0 != "empty" } == ["wide", "a", "b", "scalar", "z.u8"])
        #expect(file.metadata == ["a": "\"1\"", "b": "2"])
        #expect(try file.floats("b") == floats)
        #expect(try file.tensor("b").shape == [5, 7])
        #expect(try file.int32s("a") == [.min, .max])
        #expect(try file.int64s("wide") == [.min])
        #expect(try file.uint8s("z.u8") == [1, 2, 3])
        #expect(try file.int32s("scalar") == [9])
        #expect(try file.floats("empty") == [])
        for tensor in file.tensors.values {
            #expect(tensor.byteRange.lowerBound.isMultiple(of: tensor.dataType.size))
        }
        let header = try contents(of: path)
        #expect(header[0].isMultiple(of: 8))
    }

    @Test func abandonedWriterLeavesNothing() throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try SafetensorsWriter(
                path: folder.file("a"), tensors: [SafetensorsDescription(name: "x", dataType: .float32, shape: [2])])
            try writer.write("x", [Float(1)])
        }
        #expect(TemporaryFolder.names(folder.path) == [])
    }

    private func file(_ header: String, data: Int) -> [UInt8] {
        let text = Array(header.utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text
            + [UInt8](repeating: 1, count: data)
    }

    private static let malformed: [(String, Int)] = [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 9),
        (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2.5],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#, 0),
        (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}"#, 8),
        (#"{"a":{"dtype":"F33","shape":[2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, 8),
        (#"{"a":{"dtype":"F32","shape":[2]}}"#, 8),
        (#"{"a":[]}"#, 0),
        (#"[]"#, 0),
        (#"{"__metadata__":{"a":1}}"#, 0),
        // Overlap, hole, the same tensor twice.
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}"#,
            6
        ),
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}"#,
            8
        ),
        (
            #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}}"#,
            6
        ),
    ]

    @Test(arguments: malformed.indices)
    func refusesMalformed(_ index: Int) throws {
        let folder = try TemporaryFolder()
        let (header, data) = SafetensorsTests.malformed[index]
        let path = try folder.write("a.safetensors", file(header, data: data))
        #expect(message(.data) { _ = try SafetensorsFile(path: path) }.contains(path))
    }

    @Test func refusesImpossibleHeaderSizes() throws {
        let folder = try TemporaryFolder()
        for size: [UInt8] in [
            [], [1, 2], [0, 0, 0, 0, 0, 0, 0, 0], [UInt8](repeating: 255, count: 8), [9, 0, 0, 0, 0, 0, 0, 0],
        ] {
            let path = try folder.write("a.safetensors", size + Array("{}".utf8.prefix(size.count)))
            _ = message(.data) { _ = try SafetensorsFile(path: path) }
        }
        _ = message(.missing) { _ = try SafetensorsFile(path: folder.file("none")) }
        _ = message(.io) { _ = try SafetensorsFile(path: folder.path) }
    }
}
