import LensKernels
import LensSupport

/// A model in a Hugging Face folder: `config.json` and safetensors files, whole or in shards.
package struct HuggingFaceModel: ModelSource {
    package let path: String
    package let configuration: ModelConfiguration
    package let tokenizer: TokenizerSource?
    package let origin: ModelOrigin
    package let warnings: [String]
    private let shards: SafetensorsShards
    private let names: HuggingFaceNames

    /// Opens the folder and checks that its files hold every parameter of the configuration and nothing unknown.
    /// `tokenizerPath` is a tokenizer to use instead of the folder's own.
    ///
    /// A head of other numbers than the embedding is used even where the configuration says that they are tied, as
    /// transformers does from version 5 on.
    package init(path: String, tokenizerPath: String? = nil, access: FileAccess = .mapped) throws(LensError) {
        self.path = path
        let description = try HuggingFaceDescription(folder: path, tokenizerPath: tokenizerPath, access: access)
        var configuration = description.configuration, warnings = description.warnings
        let shards = try SafetensorsShards(folder: path, tied: configuration.tiedEmbeddings, access: access)
        let names = HuggingFaceNames(tied: configuration.tiedEmbeddings) { shards.tensor($0) != nil }
        if configuration.tiedEmbeddings, try HuggingFaceModel.hasOwnHead(shards, names, path) {
            configuration.tiedEmbeddings = false
            warnings.append(
                "\(path): the configuration says that the head is the embedding (`tie_word_embeddings`), but the file "
                    + "holds an lm_head.weight of other numbers. The head in the file is used, as transformers 5 does.")
        }
        let checks = ParameterChecks(configuration: configuration, path: path, storedName: names.stored)
        try checks.check(stored: shards.names) { shards.tensor($0)?.shape }
        for parameter in configuration.parameters { _ = try shards.type(of: names.stored(parameter.name)) }
        self.configuration = configuration
        self.warnings = warnings
        self.shards = shards
        self.names = names
        tokenizer = description.tokenizer
        origin = description.origin
    }

    /// Whether the files of a tied model hold a head that is not the embedding.
    private static func hasOwnHead(
        _ shards: SafetensorsShards, _ names: HuggingFaceNames, _ path: String
    ) throws(LensError) -> Bool {
        guard let (embedding, head) = names.embeddingAndHead, let first = shards.tensor(embedding),
            let second = shards.tensor(head)
        else { return false }
        guard first.shape == second.shape else {
            throw .data(
                "\(path): the configuration says that the head is the embedding (`tie_word_embeddings`), but `\(head)` "
                    + "has the shape \(second.shape) and `\(embedding)` \(first.shape).")
        }
        return try !shards.areEqual(embedding, head)
    }

    package func type(of name: String) throws(LensError) -> TensorType { try shards.type(of: names.stored(name)) }

    package func stored(_ name: String) throws(LensError) -> StoredMatrix? {
        let stored = names.stored(name)
        guard let file = shards.file(of: stored), let tensor = file.tensors[stored], tensor.shape.count == 2,
            let type = tensor.dataType.tensorType, type.products != nil
        else { return nil }
        return unsafe StoredMatrix(
            type, rows: tensor.shape[0], columns: tensor.shape[1], blocks: file.bytes(of: tensor), owner: file)
    }

    package func releasePages() { shards.releasePages() }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        let stored = names.stored(name)
        guard let file = shards.file(of: stored) else { throw ParameterChecks.unknown(name, path) }
        try unsafe file.read(stored, into: destination)
    }
}
