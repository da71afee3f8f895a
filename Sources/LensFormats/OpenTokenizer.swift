import LensSupport

/// The tokenizer of what is at `path`, for which no weights are needed: a `tokenizer.json`, a folder with one, a GGUF
/// file of any architecture, a SentencePiece model, or a model that carries a tokenizer.
///
/// `tokenizerPath` is the file of a tokenizer to take instead. Nil where there is none; `.missing`, `.io` or `.data` for
/// a file that cannot be read.
public func openTokenizer(path: String, tokenizerPath: String? = nil) throws(LensError) -> TokenizerSource? {
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

/// What is at a path, where its tokenizer is looked for.
public enum TokenizerPlace: Sendable {
    case folder, gguf
    /// A file of a tokenizer alone.
    case description
    case model
}

/// What is at `path`, told by its content.
public func tokenizerPlace(path: String) throws(LensError) -> TokenizerPlace { try TokenizerFiles.kind(path) }
