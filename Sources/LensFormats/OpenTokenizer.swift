import LensSupport

/// The tokenizer of what is at `path`, for which no weights are needed: a `tokenizer.json`, a folder with one, a GGUF
/// file of any architecture, a SentencePiece model, or a model that carries a tokenizer.
///
/// `tokenizerPath` is the file of a tokenizer to take instead. Nil where there is none; `.missing`, `.io` or `.data` for
/// a file that cannot be read.
package func openTokenizer(path: String, tokenizerPath: String? = nil) throws(LensError) -> TokenizerSource? {
    if let tokenizerPath {
        // The number of tokens is the model's where it can be told.
        let isLlama2C = try TokenizerFiles.kind(path) == .model
        return isLlama2C
            ? try Llama2CModel(path: path, tokenizerPath: tokenizerPath).tokenizer
            : try TokenizerFiles.open(tokenizerPath, vocabularySize: nil)
    }
    switch try TokenizerFiles.kind(path) {
    case .folder: return try TokenizerFiles.inFolder(path)
    case .gguf: return TokenizerFiles.source(of: try GGUFFile(path: path))
    case .description: return try TokenizerFiles.open(path, vocabularySize: nil)
    case .model: return try openModel(path: path).tokenizer
    }
}

/// What is known of a model without its weights.
package struct WeightlessModel: Sendable {
    /// The name of the architecture, and the sizes that are given.
    package private(set) var architecture: String?
    package private(set) var layerCount, hiddenSize, contextLength, vocabularySize: Int?
    /// Of a folder with a configuration that is understood.
    package private(set) var configuration: ModelConfiguration?
    package let tokenizer: TokenizerSource?

    /// Reads a tokenizer's file, a folder without `*.safetensors` or a GGUF file without tensors; nil for anything else,
    /// which `openModel` opens.
    package init?(path: String, tokenizerPath: String? = nil) throws(LensError) {
        switch try TokenizerFiles.kind(path) {
        case .model: return nil
        case .description: break
        case .folder:
            if try Folders.names(in: path).contains(where: { $0.hasSuffix(".safetensors") }) { return nil }
            if Folders.entryExists(path + "/config.json") {
                let found = try HuggingFaceDescription(folder: path, tokenizerPath: tokenizerPath).configuration
                configuration = found
                (architecture, vocabularySize) = (found.family.rawValue, found.vocabularySize)
                (layerCount, hiddenSize, contextLength) = (found.layerCount, found.hiddenSize, found.contextLength)
            }
        case .gguf:
            let file = try GGUFFile(path: path)
            guard file.tensors.isEmpty else { return nil }
            let name = file.metadata.string("general.architecture")
            guard name != nil || TokenizerFiles.source(of: file) != nil else {
                throw .data("\(path) holds neither tensors nor a tokenizer, and names no architecture: is it damaged?")
            }
            func size(_ key: String) -> Int? { name.flatMap { file.metadata.integer("\($0).\(key)") } }
            architecture = name
            (layerCount, hiddenSize) = (size("block_count"), size("embedding_length"))
            (contextLength, vocabularySize) = (size("context_length"), size("vocab_size"))
        }
        tokenizer = try openTokenizer(path: path, tokenizerPath: tokenizerPath)
        guard tokenizer != nil || architecture != nil else {
            throw .missing(
                "\(path) holds neither a model (config.json and *.safetensors) nor a tokenizer (tokenizer.json).")
        }
    }
}
