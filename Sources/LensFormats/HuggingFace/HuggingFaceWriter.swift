import LensKernels
import LensSupport

/// The largest safetensors file of a model before it is cut into several, as in Hugging Face's own library (5 GB).
package let defaultShardLimit = 5_000_000_000

/// Writes a model as a Hugging Face folder: `config.json`, safetensors and the extra files.
///
/// The folder appears when it is complete. An existing model folder is replaced; another folder is an error.
/// Returns what could not be carried over, one paragraph each.
/// - Parameters:
///   - type: F32, F16 or BF16, for every parameter; `.usage` for another one.
///   - origin: What the files that the model comes from say of it: keys of `config.json` that did not change stay, and
///     so do the files beside it that `extraFiles` does not hold.
///   - parameters: Delivers each parameter; `ModelSource.read` is one.
///   - shardLimit: Bytes of tensors that one file may hold, unless a single tensor is larger.
@discardableResult
package func writeHuggingFace(
    to folder: String, configuration: ModelConfiguration, type: TensorType, origin: ModelOrigin = .none,
    extraFiles: [ExtraFile] = [], shardLimit: Int = defaultShardLimit, on runtime: Runtime = .shared,
    parameters: @escaping ParameterReader
) throws(LensError) -> [String] {
    guard let dataType = SafetensorsDataType(type) else {
        throw .usage("A Hugging Face folder cannot be written as \(type.name); f32, f16 and bf16 can.")
    }
    try configuration.check(path: folder)
    let carrying = HuggingFaceCarrying(configuration: configuration, origin: origin, type: type, path: folder)
    let text = try carrying.text()
    try requireReplaceableModel(folder)
    let files = extraFiles + carrying.files(beside: extraFiles)
    try type.requireRoom(
        for: configuration, at: folder, others: files.reduce(text.count) { $0 + $1.bytes.count })
    let target = try AtomicFolder(path: folder)
    let list = configuration.parameters
    let shards = huggingFaceShards(list, dataType: dataType, limit: shardLimit)
    let encoder = try unsafe ParameterEncoder(list, path: folder, on: runtime, read: parameters)
    var weightMap: [(String, JSONValue)] = []
    for (index, shard) in shards.enumerated() {
        let name = shardName(index, of: shards.count)
        let writer = try SafetensorsWriter(
            path: target.temporaryPath + "/" + name, tensors: shard, metadata: ["format": "pt"])
        for tensor in writer.order {
            let parameter = ParameterDescription(name: tensor.name, shape: tensor.shape)
            try unsafe encoder.encode(parameter, as: type) { bytes throws(LensError) in
                try unsafe writer.write(tensor.name, bytes)
            }
            weightMap.append((tensor.name, JSONValue(name)))
        }
        try writer.commit()
    }
    if shards.count > 1 {
        let total = list.reduce(0) { $0 + $1.count * dataType.size }
        let index: JSONValue = [
            "metadata": ["total_size": .integer(total)], "weight_map": JSONValue(weightMap.sorted { $0.0 < $1.0 }),
        ]
        try write(index.prettyText, to: target.temporaryPath + "/" + SafetensorsShards.indexName)
    }
    try write(text, to: target.temporaryPath + "/config.json")
    for extra in files {
        precondition(!extra.name.isEmpty && !extra.name.contains("/"), "a plain file name")
        let file = try AtomicFile(path: target.temporaryPath + "/" + extra.name)
        try file.write(extra.bytes)
        try file.commit()
    }
    try requireReplaceableModel(folder)
    // Notes, a license: what does not describe the old model and has no successor stays.
    try target.commit { !SideFiles.belongsToModel($0) }
    return carrying.warnings
}

/// Throws `.io` when something stands at `path` that `writeHuggingFace` does not replace: only a model folder, or an empty
/// one, is ever replaced.
package func requireReplaceableModel(_ path: String) throws(LensError) {
    guard Folders.entryExists(path) else { return }
    guard Folders.isFolder(path) else {
        let what = Folders.exists(path) ? "exists and is not a folder" : "is a link that leads nowhere"
        throw .io("\(path) \(what), so no model folder can be written there. Choose another name or remove it.")
    }
    guard try Folders.names(in: path).isEmpty || Folders.isFile(path + "/config.json") else {
        throw .io(
            "\(path) exists and is not a model folder (it has no config.json), so it is not replaced. Choose "
                + "another name or remove it.")
    }
}

private func write(_ text: [UInt8], to path: String) throws(LensError) {
    let file = try AtomicFile(path: path)
    try file.write(text)
    try file.commit()
}

private func shardName(_ index: Int, of count: Int) -> String {
    if count == 1 { return "model.safetensors" }
    return "model-\(digits(index + 1, atLeast: 5))-of-\(digits(count, atLeast: 5)).safetensors"
}

/// Cuts the parameters, in their order, into files of at most `limit` bytes.
private func huggingFaceShards(
    _ parameters: [ParameterDescription], dataType: SafetensorsDataType, limit: Int
) -> [[SafetensorsDescription]] {
    var shards: [[SafetensorsDescription]] = [[]]
    var bytes = 0
    for parameter in parameters {
        let tensor = SafetensorsDescription(name: parameter.name, dataType: dataType, shape: parameter.shape)
        if bytes > 0 && bytes + tensor.byteCount > limit {
            shards.append([])
            bytes = 0
        }
        shards[shards.count - 1].append(tensor)
        bytes += tensor.byteCount
    }
    return shards
}
