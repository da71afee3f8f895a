import LensSupport

/// The formats of whole models.
package enum ModelFormat: String, Sendable, CaseIterable {
    case huggingFace, gguf, llama2c
}

/// Delivers the parameter of a Hugging Face name as fp32 in Hugging Face's layout; the buffer has its count.
/// `ModelSource.read` is one.
package typealias ParameterReader = (String, UnsafeMutableBufferPointer<Float>) throws(LensError) -> Void

/// The format of the model at `path`, told by what is there and not by its name.
package func modelFormat(path: String) throws(LensError) -> ModelFormat {
    if Folders.isFolder(path) { return .huggingFace }
    let file = try MappedFile(path: path)
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

/// Opens the model at `path`: a GGUF file, a Hugging Face folder, or a llama2.c file.
///
/// Files are mapped, not read. The configuration is checked, and that every parameter is there in its shape and a
/// known type, and nothing beside them; `.missing`, `.io` or `.data` otherwise.
/// - Parameter tokenizerPath: The tokenizer of a format that has none (llama2.c), or to use instead of the model's
///   own: a `tokenizer.json`, a GGUF file, or a llama2.c tokenizer.
package func openModel(path: String, tokenizerPath: String? = nil) throws(LensError) -> any ModelSource {
    switch try modelFormat(path: path) {
    case .huggingFace: try HuggingFaceModel(path: path, tokenizerPath: tokenizerPath)
    case .gguf: try GGUFModel(path: path, tokenizerPath: tokenizerPath)
    case .llama2c: try Llama2CModel(path: path, tokenizerPath: tokenizerPath)
    }
}
