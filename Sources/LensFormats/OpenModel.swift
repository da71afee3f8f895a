import LensSupport

/// Opens the model at `path`: a GGUF file, a Hugging Face folder, or a llama2.c file.
///
/// Files are mapped, not read, unless `access` says so. The configuration is checked, and that every parameter is there in
/// its shape and a known type, and nothing beside them; `.missing`, `.io` or `.data` otherwise.
/// - Parameter tokenizerPath: The tokenizer of a format that has none (llama2.c), or to use instead of the model's
///   own: a `tokenizer.json`, a GGUF file, or a llama2.c tokenizer.
package func openModel(
    path: String, tokenizerPath: String? = nil, access: FileAccess = .mapped
) throws(LensError) -> any ModelSource {
    switch try modelFormat(path: path, access: access) {
    case .huggingFace: try HuggingFaceModel(path: path, tokenizerPath: tokenizerPath, access: access)
    case .gguf: try GGUFModel(path: path, tokenizerPath: tokenizerPath, access: access)
    case .llama2c: try Llama2CModel(path: path, tokenizerPath: tokenizerPath, access: access)
    }
}
