import LensKernels
import LensSupport

/// A model file or folder, opened and checked: what `ModelConfiguration.parameters` names is there, in its shape.
package protocol ModelSource: Sendable {
    /// The path as the user gave it.
    var path: String { get }
    var configuration: ModelConfiguration { get }
    /// Where the tokenizer's description is, if the format carries one.
    var tokenizer: TokenizerSource? { get }
    /// What the files say of the model beside its weights, for whoever writes it again.
    var origin: ModelOrigin { get }
    /// What the user should know of the file or folder, though it can be used: one paragraph each.
    var warnings: [String] { get }
    /// The stored type of the parameter of this Hugging Face name.
    func type(of name: String) throws(LensError) -> TensorType
    /// Dequantizes the parameter of this Hugging Face name, in Hugging Face's layout (rotary halves), into
    /// `destination`, whose count must be the parameter's.
    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError)
    /// The parameter of this Hugging Face name as the file stores it, where that is a matrix of a type that has products.
    func stored(_ name: String) throws(LensError) -> StoredMatrix?
    /// Gives back the memory of what was read of mapped files; it is read again where it is touched.
    func releasePages()
}

extension ModelSource {
    /// None: what most formats can hold are numbers of their own.
    package func stored(_ name: String) throws(LensError) -> StoredMatrix? { nil }
    package func releasePages() {}
}

/// Delivers the parameter of a Hugging Face name as fp32 in Hugging Face's layout; the buffer has its count.
/// `ModelSource.read` is one.
package typealias ParameterReader = (String, UnsafeMutableBufferPointer<Float>) throws(LensError) -> Void

/// What a tokenizer is made from.
package enum TokenizerSource: Sendable {
    /// Contents of `tokenizer.json` and, where present, `tokenizer_config.json`; `path` for messages.
    case huggingFace(tokenizer: [UInt8], configuration: [UInt8]?, path: String)
    /// The `tokenizer.*` metadata of a GGUF file.
    case gguf(metadata: GGUFMetadata, path: String)
    /// A llama2.c tokenizer file (`tok512.bin`) for the given number of tokens.
    case llama2c(bytes: [UInt8], vocabularySize: Int, path: String)
    /// A model file of the `sentencepiece` library (`tokenizer.model`).
    case sentencePiece(bytes: [UInt8], path: String)
}
