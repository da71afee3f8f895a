import LensSupport

extension ModelFormat {
    /// The format that a model gets where the user names the output: by its ending .gguf or .bin, else a folder.
    package init(output path: String) {
        self = path.hasSuffix(".gguf") ? .gguf : path.hasSuffix(".bin") ? .llama2c : .huggingFace
    }

    /// Bytes of the weights of a model that is written in this format, its matrices as `type`; what stands beside them,
    /// headers and tokenizer, is not counted.
    package func byteCount(of configuration: ModelConfiguration, as type: TensorType) -> Int {
        switch self {
        case .huggingFace, .llama2c:
            configuration.parameters.reduce(0) { saturatingSum($0, type.byteCount(of: $1.count) ?? .max) }
        case .gguf:
            configuration.parameters.reduce(0) { sum, parameter in
                let stored = ggufType(of: parameter, requested: type, tied: configuration.tiedEmbeddings)
                return saturatingSum(sum, stored.byteCount(of: parameter.count) ?? .max)
            }
        }
    }

    /// Throws `.io` when the disk of `path` has no room for a model in this format.
    ///
    /// - Parameter others: bytes of what is written beside the weights, where they are known.
    package func requireRoom(
        for configuration: ModelConfiguration, as type: TensorType, at path: String, others: Int = 0
    ) throws(LensError) {
        let byteCount = saturatingSum(byteCount(of: configuration, as: type), others)
        try DiskRoom.require(
            byteCount, at: path, for: "the model in \(type.name) takes \(describeByteCount(byteCount))",
            advice: "write to another disk")
    }
}
