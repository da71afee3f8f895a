import LensFormats
import LensKernels
import LensSupport
import LensTokenizers

/// Each returns what could not be carried over from the files that the model comes from: one paragraph each. `check` is
/// called before each tensor is written; what it throws ends the writing, and nothing appears.
extension Pretrained {
    /// Writes a Hugging Face folder with the weights as `type`; it appears whole or not at all.
    @discardableResult
    public func saveHuggingFace(
        to folder: String, type: TensorType = .f32, on runtime: Runtime = .shared,
        check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) -> [String] {
        let files = try tokenizer?.huggingFaceFiles() ?? []
        return try unsafe writeHuggingFace(
            to: folder, configuration: model.configuration, type: type, origin: origin,
            extraFiles: files.map { ExtraFile(name: $0.name, bytes: $0.bytes) }, on: runtime,
            parameters: reading(check))
    }

    /// Writes a GGUF file with the matrices as `type` has them; it appears whole or not at all.
    ///
    /// - Parameter name: the model's name in the metadata; nil keeps the one it has, or takes that of its path.
    @discardableResult
    public func saveGGUF(
        to path: String, type: GGUFFileType = .f32, name: String? = nil, on runtime: Runtime = .shared,
        check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) -> [String] {
        try unsafe writeGGUF(
            to: path, configuration: model.configuration, type: type,
            tokenizer: tokenizer?.ggufMetadata() ?? GGUFMetadata(),
            name: name ?? origin.name ?? modelName(path: self.path), origin: origin, on: runtime,
            parameters: reading(check))
            + (tokenizer?.ggufLosses ?? [])
    }

    /// Writes a llama2.c file; its tokenizer is a file of its own, which is not written.
    @discardableResult
    public func saveLlama2C(
        to path: String, on runtime: Runtime = .shared, check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) -> [String] {
        try unsafe writeLlama2C(
            to: path, configuration: model.configuration, on: runtime, parameters: reading(check))
        var warnings: [String] = []
        if tokenizer != nil {
            warnings.append(
                "\(path): a llama2.c file has no place for the tokenizer. Give the original model's to later commands, "
                    + "with --tokenizer.")
        }
        let configuration = model.configuration
        if configuration.bosToken ?? 1 != 1 || configuration.eosToken ?? 2 != 2 {
            warnings.append(
                "\(path): in a llama2.c file the tokens that begin and end a text are 1 and 2; the model's are "
                    + "\(configuration.bosToken.map(String.init) ?? "none") and "
                    + "\(configuration.eosToken.map(String.init) ?? "none").")
        }
        return warnings
    }

    /// Called now and then during long work, which ends with what it throws.
    public typealias Check = () throws(LensError) -> Void

    private func reading(
        _ check: @escaping Check
    ) -> (String, UnsafeMutableBufferPointer<Float>) throws(LensError) -> Void {
        { (name, destination) throws(LensError) in
            try check()
            unsafe model.store.read(name, into: destination)
        }
    }
}
