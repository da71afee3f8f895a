import LensKernels
import LensSupport

/// The formats of whole models.
package enum ModelFormat: String, Sendable, CaseIterable {
    case huggingFace, gguf, llama2c
}

/// The format of the model at `path`, told by what is there and not by its name.
package func modelFormat(path: String, access: FileAccess = .mapped) throws(LensError) -> ModelFormat {
    if Folders.isFolder(path) { return .huggingFace }
    let file = try MappedFile(path: path, access: access, limit: 1 << 16)
    if unsafe file.buffer.starts(with: "GGUF".utf8) { return .gguf }
    if let error = ForeignFile.error(file) { throw error }
    let isJSON = unsafe file.buffer.first { $0 > 0x20 } == UInt8(ascii: "{")
    // A safetensors file begins with the size of its header, which is a JSON object.
    let isSafetensors = unsafe file.count > 8 && file.buffer[8] == UInt8(ascii: "{") && file.buffer[7] == 0
    if isJSON || isSafetensors || path.hasSuffix(".safetensors") || path.hasSuffix(".json") {
        throw .data("\(path) is one file of a Hugging Face model; give the folder that holds it and config.json.")
    }
    if path.lowercased().hasSuffix(".gguf") {
        throw .data("\(path) is not a GGUF file: it does not begin with \"GGUF\". It is damaged; fetch it again.")
    }
    return .llama2c
}

extension ModelFormat {
    /// The format that a model gets where the user names the output: by its ending .gguf or .bin, else a folder.
    package init(output path: String) {
        self = path.hasSuffix(".gguf") ? .gguf : path.hasSuffix(".bin") ? .llama2c : .huggingFace
    }
}

extension TensorType {
    /// Bytes of the weights of a model that a Hugging Face folder or a llama2.c file holds as this type; what stands
    /// beside them, headers and tokenizer, is not counted.
    package func byteCount(of configuration: ModelConfiguration) -> Int {
        configuration.parameters.reduce(0) { saturatingSum($0, byteCount(of: $1.count) ?? .max) }
    }

    /// Throws `.io` when the disk of `path` has no room for such a model.
    ///
    /// - Parameter others: bytes of what is written beside the weights, where they are known.
    package func requireRoom(
        for configuration: ModelConfiguration, at path: String, others: Int = 0
    ) throws(LensError) {
        try requireRoomForModel(saturatingSum(byteCount(of: configuration), others), name, at: path)
    }
}

extension GGUFFileType {
    /// Throws `.io` when the disk of `path` has no room for a model in a GGUF file of this type.
    ///
    /// - Parameter others: bytes of what is written beside the weights, where they are known.
    package func requireRoom(
        for configuration: ModelConfiguration, at path: String, others: Int = 0
    ) throws(LensError) {
        try requireRoomForModel(saturatingSum(byteCount(of: configuration), others), name, at: path)
    }
}

private func requireRoomForModel(_ byteCount: Int, _ type: String, at path: String) throws(LensError) {
    try DiskRoom.require(
        byteCount, at: path, for: "the model in \(type) takes \(describeByteCount(byteCount))",
        advice: "write to another disk")
}
