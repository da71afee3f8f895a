import LensSupport

/// Finds the tokenizer's description.
enum TokenizerFiles {
    /// Larger than any published tokenizer.
    static let sizeLimit = 1 << 28

    /// The tokenizer file at `path`, of the kind that its first bytes tell: `tokenizer.json` (with the
    /// `tokenizer_config.json` beside it), GGUF, or else llama2.c's.
    static func open(_ path: String, vocabularySize: Int) throws(LensError) -> TokenizerSource {
        if Folders.isFolder(path) {
            guard let source = try inFolder(path) else { throw .missing("\(path)/tokenizer.json does not exist.") }
            return source
        }
        let start = try MappedFile(path: path)
        if unsafe start.buffer.starts(with: "GGUF".utf8) {
            guard let source = source(of: try GGUFFile(path: path)) else {
                throw .data("\(path) carries no tokenizer.")
            }
            return source
        }
        let bytes = try readSmallFile(path, limit: sizeLimit)
        if let error = ForeignFile.error(start) { throw error }
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let firstVisible = bytes.dropFirst(bytes.starts(with: byteOrderMark) ? 3 : 0).first { $0 > 0x20 }
        guard firstVisible == UInt8(ascii: "{") else {
            return .llama2c(bytes: bytes, vocabularySize: vocabularySize, path: path)
        }
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        return .huggingFace(
            tokenizer: bytes, configuration: try optional(folder + "/tokenizer_config.json"), path: path)
    }

    /// The tokenizer of a Hugging Face folder, if it has one.
    static func inFolder(_ folder: String) throws(LensError) -> TokenizerSource? {
        let path = folder + "/tokenizer.json"
        guard let bytes = try optional(path) else { return nil }
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

    private static func optional(_ path: String) throws(LensError) -> [UInt8]? {
        Folders.entryExists(path) ? try readJSONFile(path, limit: sizeLimit) : nil
    }
}
