import LongLens

extension Target {
    /// A GGUF file: header and tensors, the model, its tokenizer.
    static let gguf = Target(
        name: "gguf",
        seeds: {
            try ModelConfiguration.Family.allCases.map { try Samples.gguf($0, type: .f32, Samples.byteTokenizer) }
                + [GGUFFileType.q8_0, .q4_1, .bf16, .q4_K_M].map {
                    try Samples.gguf(.llama, type: $0, Samples.pieceTokenizer)
                }
        },
        run: { input, scratch in
            let path = scratch.write("m.gguf", input)
            let file = try GGUFFile(path: path)
            for tensor in file.tensors { _ = file.floats(of: tensor) }
            try attempt { try use(Tokenizer(.gguf(metadata: file.metadata, path: path))) }
            try use(openModel(path: path))
            for lowMemory in [false, true] { try attempt { try computeFrom(path, lowMemory: lowMemory) } }
        })

    /// The parts of a split GGUF file, one after the other: each begins where "GGUF" stands.
    static let ggufParts = Target(
        name: "gguf-parts",
        seeds: { try [2, 3].map { try Samples.splitGGUF(parts: $0, Samples.pieceTokenizer) } },
        run: { input, scratch in
            let magic = Array("GGUF".utf8)
            let starts = input.indices.filter { input[$0...].starts(with: magic) }.prefix(9)
            let paths = zip(starts, starts.dropFirst() + [input.count]).enumerated().map { number, range in
                scratch.write("m-0000\(number + 1)-of-0000\(starts.count).gguf", input[range.0..<range.1])
            }
            // Which part is given makes no difference but in messages.
            let opened = paths.map { path in Result { try GGUFFile(path: path) } }
            for (path, file) in zip(paths, opened) {
                try attempt {
                    let isSame = try file.get().tensors == opened[0].get().tensors
                    precondition(isSame, path)
                }
            }
            guard let first = paths.first else { return }
            try attempt { if let source = try openTokenizer(path: first) { try use(Tokenizer(source)) } }
            try use(openModel(path: first))
        })

    /// A safetensors file; see `Header` for how its size is made right.
    static let safetensors = Target(
        name: "safetensors",
        seeds: { try [Samples.safetensors()].map { [0] + $0 } },
        run: { input, scratch in
            let file = try SafetensorsFile(path: scratch.write("m.safetensors", Header.sized(input)))
            for name in file.names {
                try attempt {
                    var list = [Float](repeating: 0, count: try file.tensor(name).count)
                    try list.withUnsafeMutableBufferPointer { try file.read(name, into: $0) }
                }
            }
        })

    /// A Hugging Face folder: config.json, index, and two shards of which the first is the input's and the second valid.
    static let folder = Target(
        name: "folder",
        run: { input, scratch in
            let files = parts(input, 3)
            scratch.makeFolder("model")
            _ = scratch.write("model/config.json", files[0])
            let index = "model/model.safetensors.index.json", single = "model/model.safetensors"
            if files[1].isEmpty {
                scratch.remove(index)
                _ = scratch.write(single, Header.sized(files[2]))
            } else {
                scratch.remove(single)
                _ = scratch.write(index, files[1])
                _ = scratch.write("model/model-00001-of-00002.safetensors", Header.sized(files[2]))
                _ = scratch.write("model/model-00002-of-00002.safetensors", Header.sized([]))
            }
            let path = scratch.path + "/model"
            try attempt { use(try HuggingFaceDescription(folder: path).configuration) }
            try use(openModel(path: path))
        })

    /// A llama2.c model.
    static let llama2c = Target(
        name: "llama2c",
        seeds: { try [false, true].map { try Samples.llama2c(tied: $0) } },
        run: { input, scratch in try use(openModel(path: scratch.write("m.bin", input))) })
}

/// Reads every parameter, as loading does.
func use(_ model: any ModelSource) throws {
    use(model.configuration)
    for parameter in model.configuration.parameters {
        _ = try model.type(of: parameter.name)
        var elements = [Float](repeating: 0, count: parameter.count)
        try elements.withUnsafeMutableBufferPointer { try model.read(parameter.name, into: $0) }
    }
}

/// The losses of a few tokens, computed with the blocks of the file.
private func computeFrom(_ path: String, lowMemory: Bool) throws {
    let configuration = try openModel(path: path).configuration
    guard configuration.parameterCount < 1 << 20, configuration.vocabularySize > 4 else { return }
    let model = try Pretrained.load(path: path, compute: .auto, lowMemory: lowMemory).model
    _ = try InferencePass(model, contextLength: 4).losses([1, 4, 3, 0])
}

/// Plans a training and computes rotary frequencies, as commands do before there are weights.
func use(_ configuration: ModelConfiguration) {
    // More layers than this are refused where tensors are counted.
    guard configuration.layerCount <= 256 else { return }
    for length in [2, configuration.contextLength, 1 << 20] {
        _ = RotaryFrequencies(configuration, length: length)
    }
    for spills in [false, true] {
        _ = TrainingMemory(defaultsFor: configuration, contextLength: 4096, spills: spills).plan(
            contextLength: 4096, limit: 1 << 33)
    }
}

/// The first 8 bytes of a safetensors file are the size of its header, which no mutation of the header would leave right.
enum Header {
    /// The file of an input: what follows a zero byte, as it is; otherwise header and tensors, cut at a line feed, sized.
    static func sized(_ input: some Collection<UInt8>) -> [UInt8] {
        guard let first = input.first, first != 0 else { return Array(input.dropFirst()) }
        let end = input.firstIndex(of: 0x0A) ?? input.endIndex
        let header = input[..<end]
        let size = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
        return size + header + (end < input.endIndex ? Array(input[end...].dropFirst()) : [])
    }

    /// The input that `sized` gives a valid file for.
    static func unsized(_ file: [UInt8]) -> [UInt8] {
        let size = file[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        return file[8..<8 + size] + [0x0A] + file[(8 + size)...]
    }
}
