import LensFormats
import LensKernels
import LensSupport
import LensTokenizers

extension Pretrained {
    /// Writes a Hugging Face folder with the weights as `type`; it appears whole or not at all.
    public func saveHuggingFace(to folder: String, type: TensorType = .f32) throws(LensError) {
        let files = try tokenizer?.huggingFaceFiles() ?? []
        try unsafe writeHuggingFace(
            to: folder, configuration: model.configuration, type: type,
            extraFiles: files.map { ExtraFile(name: $0.name, bytes: $0.bytes) }, parameters: model.read)
    }

    /// Writes a GGUF file with the matrices as `type`; it appears whole or not at all. Returns what could not be carried
    /// over: one paragraph each.
    @discardableResult
    public func saveGGUF(to path: String, type: TensorType = .f32, name: String) throws(LensError) -> [String] {
        try unsafe writeGGUF(
            to: path, configuration: model.configuration, type: type,
            tokenizer: tokenizer?.ggufMetadata() ?? GGUFMetadata(), name: name, parameters: model.read)
        return tokenizer?.ggufLosses ?? []
    }

    /// Writes a llama2.c file; its tokenizer is a file of its own, which is not written.
    public func saveLlama2C(to path: String) throws(LensError) {
        try unsafe writeLlama2C(to: path, configuration: model.configuration, parameters: model.read)
    }
}

extension LanguageModel {
    /// Copies the parameter of this name, as writers of files ask for it.
    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        let tensor = parameters[name]
        precondition(destination.count == tensor.count)
        _ = unsafe destination.update(fromContentsOf: tensor.elements)
    }
}
