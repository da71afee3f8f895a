import LensFormats
import LensKernels
import LensSupport
import LensTokenizers

extension Pretrained {
    /// Writes a Hugging Face folder with the weights as `type`; it appears whole or not at all.
    ///
    /// - Parameter check: called before each tensor is written; what it throws ends the writing, and nothing appears.
    public func saveHuggingFace(
        to folder: String, type: TensorType = .f32, check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) {
        let files = try tokenizer?.huggingFaceFiles() ?? []
        try unsafe writeHuggingFace(
            to: folder, configuration: model.configuration, type: type,
            extraFiles: files.map { ExtraFile(name: $0.name, bytes: $0.bytes) }, parameters: reading(check))
    }

    /// Writes a GGUF file with the matrices as `type`; it appears whole or not at all. `check` as above.
    public func saveGGUF(
        to path: String, type: TensorType = .f32, name: String, check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) {
        try unsafe writeGGUF(
            to: path, configuration: model.configuration, type: type,
            tokenizer: tokenizer?.ggufMetadata() ?? GGUFMetadata(), name: name, parameters: reading(check))
    }

    /// Writes a llama2.c file; its tokenizer is a file of its own, which is not written. `check` as above.
    public func saveLlama2C(
        to path: String, check: @escaping Check = { () throws(LensError) in }
    ) throws(LensError) {
        try unsafe writeLlama2C(to: path, configuration: model.configuration, parameters: reading(check))
    }

    /// Called now and then during long work, which ends with what it throws.
    public typealias Check = () throws(LensError) -> Void

    private func reading(
        _ check: @escaping Check
    ) -> (String, UnsafeMutableBufferPointer<Float>) throws(LensError) -> Void {
        { (name, destination) throws(LensError) in
            try check()
            try unsafe model.read(name, into: destination)
        }
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
