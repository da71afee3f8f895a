import LongLens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Valid files, as small as they can be, from the library's own writers.
enum Samples {
    /// Rows of 32 elements are the shortest that can be quantized; K types take 256.
    static func configuration(
        _ family: ModelConfiguration.Family, hiddenSize: Int = 4, tied: Bool = true
    ) -> ModelConfiguration {
        var configuration = ModelConfiguration(
            vocabularySize: 8, hiddenSize: hiddenSize, feedForwardSize: 4, layerCount: 1, headCount: 2,
            keyValueHeadCount: 1, headDimension: 2, contextLength: 4)
        configuration.family = family
        configuration.tiedEmbeddings = tied
        configuration.attentionBias = family == .qwen2
        configuration.queryKeyNorm = family == .qwen3
        configuration.bosToken = 1
        configuration.eosToken = 2
        return configuration
    }

    static let pieces = ["<unk>", "<s>", "</s>", "a", "b", "ab", "Ġ", "▁"].map { Array($0.utf8) }

    static let byteTokenizer = GGUFMetadata([
        "tokenizer.ggml.model": .string(Array("gpt2".utf8)), "tokenizer.ggml.pre": .string(Array("gpt-2".utf8)),
        "tokenizer.ggml.tokens": .strings(pieces), "tokenizer.ggml.token_type": .int32s([2, 3, 3, 1, 1, 1, 1, 4]),
        "tokenizer.ggml.merges": .strings([Array("a b".utf8)]), "tokenizer.ggml.bos_token_id": .uint32(1),
        "tokenizer.ggml.eos_token_id": .uint32(2), "tokenizer.ggml.add_bos_token": .bool(true),
    ])

    static let pieceTokenizer = GGUFMetadata([
        "tokenizer.ggml.model": .string(Array("llama".utf8)), "tokenizer.ggml.tokens": .strings(pieces),
        "tokenizer.ggml.scores": .float32s([0, 0, 0, -1, -2, -3, -4, -5]),
        "tokenizer.ggml.token_type": .int32s([2, 3, 3, 1, 1, 1, 1, 1]), "tokenizer.ggml.bos_token_id": .uint32(1),
        "tokenizer.ggml.eos_token_id": .uint32(2), "tokenizer.ggml.unknown_token_id": .uint32(0),
    ])

    static func zeros(_: String, _ destination: UnsafeMutableBufferPointer<Float>) {
        destination.update(repeating: 0)
    }

    /// The bytes that `write` leaves in the file whose path it is given, with `ending` behind it.
    static func written(_ ending: String = "", _ write: (String) throws -> Void) throws -> [UInt8] {
        let parent = environment("FUZZ_SCRATCH") ?? "/tmp"
        let path = "\(parent)/sample-\(getpid())"
        defer { unlink(path + ending) }
        try write(path)
        return try contents(of: path + ending)
    }

    static func gguf(
        _ family: ModelConfiguration.Family, type: GGUFFileType, _ tokenizer: GGUFMetadata
    ) throws -> [UInt8] {
        try written { path in
            try writeGGUF(
                to: path,
                configuration: configuration(family, hiddenSize: type == .f32 ? 4 : type == .q4_K_M ? 256 : 32),
                type: type, tokenizer: tokenizer, name: "m",
                parameters: zeros)
        }
    }

    static func llama2c(tied: Bool) throws -> [UInt8] {
        try written { path in
            try writeLlama2C(to: path, configuration: configuration(.llama, tied: tied), parameters: zeros)
        }
    }

    static func safetensors() throws -> [UInt8] {
        try written { path in
            let tensors = SafetensorsDataType.allCases.map {
                SafetensorsDescription(name: $0.rawValue, dataType: $0, shape: [2, 1])
            }
            let writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: ["format": "pt"])
            for tensor in writer.order {
                let zeros = [UInt8](repeating: 0, count: tensor.byteCount)
                try zeros.withUnsafeBytes { try writer.write(tensor.name, $0) }
            }
            try writer.commit()
        }
    }

    static let records = [
        ScoreRecord(
            document: "a", sequence: 0, tokens: [1, 2, 3], nll: [0.5, 1.25], context: 8, stride: 4, model: "m"),
        ScoreRecord(document: "b", sequence: 1, tokens: [7], nll: []),
    ]

    static func scores(_ format: ScoreFormat, _ records: [ScoreRecord] = records) throws -> [UInt8] {
        try written { path in
            let output = try ScoreOutput(path: path, format: format, settings: ScoreSettings([])) { _ in }
            for record in records { try output.write(record) }
            try output.finish()
        }
    }

    /// 8 tokens: each its score, its length and its bytes, after the longest length.
    static func llama2cTokenizer() -> [UInt8] {
        func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
        return bytes(5)
            + pieces.enumerated().flatMap { bytes(Float(-$0).bitPattern) + bytes(UInt32($1.count)) + $1 }
    }
}
