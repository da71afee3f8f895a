import LensSupport

/// What a Hugging Face folder says of a model beside its weights: `config.json` and the tokenizer's files.
package struct HuggingFaceDescription: Sendable {
    package let configuration: ModelConfiguration
    /// Nil when the folder has no `tokenizer.json`.
    package let tokenizer: TokenizerSource?
    /// `config.json` and the files beside it, for whoever writes the model again.
    package let origin: ModelOrigin
    /// What the user should know of the folder: one paragraph each.
    package let warnings: [String]

    /// Bytes of `config.json`; the largest published ones have some 100,000.
    private static let configurationLimit = 1 << 22

    /// Reads the folder. `tokenizerPath` is a tokenizer to use instead of the folder's own.
    package init(
        folder: String, tokenizerPath: String? = nil, access: FileAccess = .mapped
    ) throws(LensError) {
        let path = folder + "/config.json"
        guard Folders.entryExists(path) else {
            if try Folders.names(in: folder).contains(where: Adapter.isFile) { throw Adapter.alone(folder) }
            if let file = try Folders.names(in: folder).first(where: { !$0.hasPrefix(".") && $0.hasSuffix(".gguf") }) {
                throw .missing("\(folder) is no model folder: it has no config.json. It holds \(file); give that file.")
            }
            throw .missing(
                "\(folder) is no model folder: it has no config.json. A Hugging Face model folder holds config.json, "
                    + "*.safetensors and tokenizer.json.")
        }
        let object = try JSONValue.parse(
            readJSONFile(path, limit: HuggingFaceDescription.configurationLimit), path: path)
        configuration = try HuggingFaceConfigurationReader.read(object, path: path)
        if let tokenizerPath {
            tokenizer = try TokenizerFiles.open(
                tokenizerPath, vocabularySize: configuration.vocabularySize, access: access)
        } else {
            tokenizer = try TokenizerFiles.inFolder(folder)
        }
        let (files, skipped) = try SideFiles.read(folder, keepsTokenizer: tokenizerPath == nil)
        origin = ModelOrigin(
            content: .huggingFace(HuggingFaceOrigin(members: object.members ?? [], files: files, skipped: skipped)),
            configuration: configuration, keepsTokenizer: tokenizerPath == nil)
        warnings = try Adapter.warning(folder).map { [$0] } ?? []
    }
}
