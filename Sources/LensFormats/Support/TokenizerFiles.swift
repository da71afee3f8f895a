import LensSupport

/// Finds the tokenizer's description.
enum TokenizerFiles {
    /// Larger than any published tokenizer.
    static let sizeLimit = 1 << 28

    /// The tokenizer file at `path`, of the kind that its first bytes tell: `tokenizer.json` (with the
    /// `tokenizer_config.json` beside it), GGUF, a SentencePiece model, or else llama2.c's. Without a vocabulary size,
    /// the last one has as many tokens as it holds.
    static func open(
        _ path: String, vocabularySize: Int?, access: FileAccess = .mapped
    ) throws(LensError) -> TokenizerSource {
        if Folders.isFolder(path) {
            guard let source = try inFolder(path) else {
                throw .missing("\(path) has no tokenizer: neither tokenizer.json nor tokenizer.model.")
            }
            return source
        }
        let start = try MappedFile(path: path, access: access, limit: 1 << 16)
        if unsafe start.buffer.starts(with: "GGUF".utf8) {
            guard let source = source(of: try GGUFFile(path: path, access: access)) else {
                throw .data("\(path) carries no tokenizer.")
            }
            return source
        }
        let bytes = try readSmallFile(path, limit: sizeLimit)
        if isSentencePiece(bytes) { return .sentencePiece(bytes: bytes, path: path) }
        if let error = ForeignFile.error(start) { throw error }
        let firstVisible = bytes.dropFirst(bytes.byteOrderMarkCount).first { $0 > 0x20 }
        guard firstVisible == UInt8(ascii: "{") else {
            return .llama2c(bytes: bytes, vocabularySize: vocabularySize ?? llama2CTokenCount(bytes), path: path)
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        return .huggingFace(
            tokenizer: bytes, configuration: try optional(folder + "/tokenizer_config.json"), path: path)
    }

    /// What is at `path`, told by its content.
    static func kind(_ path: String) throws(LensError) -> TokenizerPlace {
        if Folders.isFolder(path) { return .folder }
        let file = try MappedFile(path: path)
        if unsafe file.buffer.starts(with: "GGUF".utf8) { return .gguf }
        let start = unsafe Array(file.buffer.prefix(256))
        let firstVisible = start.first { $0 > 0x20 && $0 < 0x80 }
        return firstVisible == UInt8(ascii: "{") || isSentencePiece(start) ? .description : .model
    }

    /// The tokenizer of a Hugging Face folder, if it has one.
    static func inFolder(_ folder: String) throws(LensError) -> TokenizerSource? {
        let path = folder + "/tokenizer.json"
        guard let bytes = try optional(path) else {
            let model = folder + "/tokenizer.model"
            guard Folders.entryExists(model) else { return nil }
            return .sentencePiece(bytes: try readSmallFile(model, limit: sizeLimit), path: model)
        }
        return .huggingFace(
            tokenizer: bytes, configuration: try optional(folder + "/tokenizer_config.json"), path: path)
    }

    /// The tokenizer of a GGUF file, if it has one.
    static func source(of file: GGUFFile) -> TokenizerSource? {
        guard let model = file.metadata.string("tokenizer.ggml.model"), model != "none", model != "no_vocab" else {
            return nil
        }
        let values = file.metadata.values.filter { $0.key.hasPrefix("tokenizer.") }
        return .gguf(metadata: GGUFMetadata(values), path: file.path)
    }

    /// The file begins with a message of a piece, which begins with its text.
    private static func isSentencePiece(_ bytes: [UInt8]) -> Bool {
        bytes.count > 4 && bytes[0] == 0x0A && bytes[1] > 2 && bytes[1] < 0x80 && bytes[2] == 0x0A
            && bytes[3] < bytes[1]
    }

    /// Tokens of a llama2.c tokenizer file: after 4 bytes, each is a score, a length and as many bytes.
    private static func llama2CTokenCount(_ bytes: [UInt8]) -> Int {
        var count = 0
        var offset = 4
        while bytes.count - offset >= 8 {
            offset += 8 + Int(bytes.littleEndian(UInt32.self, at: offset + 4))
            count += 1
        }
        return count
    }

    private static func optional(_ path: String) throws(LensError) -> [UInt8]? {
        Folders.entryExists(path) ? try readJSONFile(path, limit: sizeLimit) : nil
    }
}

/// What is at a path, where its tokenizer is looked for.
enum TokenizerPlace {
    case folder, gguf
    /// A file of a tokenizer alone.
    case description
    case model
}
