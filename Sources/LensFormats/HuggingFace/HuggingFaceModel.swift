import LensSupport

/// A model in a Hugging Face folder: `config.json` and safetensors files, whole or in shards.
public struct HuggingFaceModel: ModelSource {
    public let path: String
    public let configuration: ModelConfiguration
    public let tokenizer: TokenizerSource?
    public let warnings: [String] = []
    private let shards: SafetensorsShards

    /// Opens the folder and checks that its files hold every parameter of the configuration and nothing unknown.
    /// `tokenizerPath` is a tokenizer to use instead of the folder's own.
    public init(path: String, tokenizerPath: String? = nil) throws(LensError) {
        self.path = path
        let description = try HuggingFaceDescription(folder: path, tokenizerPath: tokenizerPath)
        configuration = description.configuration
        tokenizer = description.tokenizer
        let shards = try SafetensorsShards(folder: path)
        self.shards = shards
        let checks = ParameterChecks(configuration: configuration, path: path) { $0 }
        try checks.check(stored: shards.names) { shards.tensor($0)?.shape }
        for parameter in configuration.parameters { _ = try shards.type(of: parameter.name) }
    }

    public func type(of name: String) throws(LensError) -> TensorType { try shards.type(of: name) }

    public func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        guard let file = shards.file(of: name) else { throw ParameterChecks.unknown(name, path) }
        try unsafe file.read(name, into: destination)
    }
}

/// The safetensors files of a folder as one set of tensors.
struct SafetensorsShards: Sendable {
    private let files: [SafetensorsFile]
    private let indices: [String: Int]
    private let folder: String

    static let indexName = "model.safetensors.index.json"

    init(folder: String) throws(LensError) {
        self.folder = folder
        let index = try SafetensorsShards.index(folder)
        let fileNames = if let index { index.fileNames } else { try SafetensorsShards.fileNames(folder) }
        var files: [SafetensorsFile] = [], indices: [String: Int] = [:]
        for name in fileNames {
            let file = try SafetensorsFile(path: folder + "/" + name)
            for tensor in file.names {
                guard indices.updateValue(files.count, forKey: tensor) == nil else {
                    throw .data("\(folder): the tensor `\(tensor)` is in two safetensors files.")
                }
            }
            files.append(file)
        }
        for (tensor, name) in index?.map ?? [:] where indices[tensor].map({ files[$0].path }) != folder + "/" + name {
            throw .data("\(folder)/\(SafetensorsShards.indexName) says that `\(tensor)` is in \(name), but it is not.")
        }
        self.files = files
        self.indices = indices
    }

    var names: [String] { Array(indices.keys) }

    func file(of name: String) -> SafetensorsFile? { indices[name].map { files[$0] } }

    func tensor(_ name: String) -> SafetensorsTensor? { file(of: name)?.tensors[name] }

    func type(of name: String) throws(LensError) -> TensorType {
        guard let tensor = tensor(name) else { throw ParameterChecks.unknown(name, folder) }
        guard let type = tensor.dataType.tensorType else {
            throw .data(
                "\(folder): the tensor `\(name)` has the type \(tensor.dataType.rawValue), which is not supported for "
                    + "parameters. Convert the model to F32, F16 or BF16.")
        }
        return type
    }

    private struct Index {
        var fileNames: [String]
        var map: [String: String]
    }

    /// The index of shards, if there is one and the model is not in one file.
    private static func index(_ folder: String) throws(LensError) -> Index? {
        let path = folder + "/" + indexName
        guard !Folders.entryExists(folder + "/model.safetensors"), Folders.entryExists(path) else { return nil }
        let value = try JSONValue.parse(readSmallFile(path, limit: 1 << 27), path: path)
        guard let map = value["weight_map"]?.members else {
            throw .data("\(path): the index must have the object `weight_map`.")
        }
        var index = Index(fileNames: [], map: [:])
        for member in map {
            let tensor = member.name
            // A name with a slash could lead out of the folder.
            guard let name = member.value.string, !name.isEmpty, !name.contains("/"), !name.contains("\0") else {
                throw .data("\(path): `\(tensor)` must be mapped to the name of a file in the same folder.")
            }
            index.map[tensor] = name
        }
        index.fileNames = Set(index.map.values).sorted()
        return index
    }

    private static func fileNames(_ folder: String) throws(LensError) -> [String] {
        if Folders.entryExists(folder + "/model.safetensors") { return ["model.safetensors"] }
        let names = try Folders.names(in: folder)
        let shards = names.filter { $0.hasSuffix(".safetensors") }
        if !shards.isEmpty { return shards }
        let pickled = names.contains { $0.hasPrefix("pytorch_model") && $0.hasSuffix(".bin") }
        throw .missing(
            "\(folder) has no *.safetensors file."
                + (pickled ? " Its weights are in PyTorch's own format: save the model again as safetensors." : ""))
    }
}
