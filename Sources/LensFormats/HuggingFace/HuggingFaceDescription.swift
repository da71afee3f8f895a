import LensSupport

/// What a Hugging Face folder says of a model beside its weights: `config.json` and the tokenizer's files.
public struct HuggingFaceDescription: Sendable {
    public let configuration: ModelConfiguration
    /// Nil when the folder has no `tokenizer.json`.
    public let tokenizer: TokenizerSource?

    /// Reads the folder. `tokenizerPath` is a tokenizer to use instead of the folder's own.
    public init(folder: String, tokenizerPath: String? = nil) throws(LensError) {
        let configurationPath = folder + "/config.json"
        guard Folders.entryExists(configurationPath) else {
            throw .missing(
                "\(folder) is no model folder: it has no config.json. A Hugging Face model folder holds config.json, "
                    + "*.safetensors and tokenizer.json.")
        }
        configuration = try HuggingFaceConfigurationReader.read(
            readSmallFile(configurationPath, limit: 1 << 24), path: configurationPath)
        if let tokenizerPath {
            tokenizer = try TokenizerFiles.open(tokenizerPath, vocabularySize: configuration.vocabularySize)
        } else {
            tokenizer = try TokenizerFiles.inFolder(folder)
        }
    }
}
