import LensKernels
import LensSupport

/// A model in a GGUF file.
package struct GGUFModel: ModelSource {
    package let path: String
    package let configuration: ModelConfiguration
    package let tokenizer: TokenizerSource?
    package let origin: ModelOrigin
    package let warnings: [String] = []
    /// The file itself, for computing on its blocks as they are.
    package let file: GGUFFile

    /// Opens the file and checks that it holds every parameter of its configuration and nothing unknown.
    /// `tokenizerPath` is a tokenizer to use instead of the file's own.
    package init(path: String, tokenizerPath: String? = nil, access: FileAccess = .mapped) throws(LensError) {
        self.path = path
        file = try GGUFFile(path: path, access: access)
        if file.metadata.string("general.type") == "adapter" {
            throw .data(
                "\(path) is an adapter (LoRA), not a model. Merge it into its base model first, with llama.cpp's "
                    + "`llama-export-lora`, and give the merged file.")
        }
        configuration = try GGUFConfigurationReader.read(file)
        let checks = ParameterChecks(configuration: configuration, path: path) { GGUFNames.gguf($0) ?? $0 }
        origin = ModelOrigin(
            content: .gguf(GGUFOrigin(file)), configuration: configuration, keepsTokenizer: tokenizerPath == nil)
        let file = file
        try checks.check(stored: file.tensors.map(\.name)) { file.tensor($0)?.shape }
        if let tokenizerPath {
            tokenizer = try TokenizerFiles.open(
                tokenizerPath, vocabularySize: configuration.vocabularySize, access: access)
        } else {
            tokenizer = TokenizerFiles.source(of: file)
        }
    }

    /// The tensor that stores the parameter of this Hugging Face name; its rows may be in another order, see
    /// `isInterleaved`.
    package func tensor(_ name: String) throws(LensError) -> GGUFTensor {
        guard let stored = GGUFNames.gguf(name), let tensor = file.tensor(stored) else {
            throw ParameterChecks.unknown(name, path)
        }
        return tensor
    }

    /// True for parameters whose rows the file keeps in the interleaved rotary order (query and key projections of
    /// the `llama` architecture): row `r` of the file is row `halvesRow(ofInterleaved: r)` of the parameter.
    package func isInterleaved(_ name: String) -> Bool {
        configuration.family == .llama && RotaryLayout.applies(to: name)
    }

    /// The parameter's row that row `row` of an interleaved tensor holds.
    package func halvesRow(ofInterleaved row: Int) -> Int {
        RotaryLayout.halvesRow(ofInterleaved: row, headDimension: configuration.headDimension)
    }

    package func type(of name: String) throws(LensError) -> TensorType { try tensor(name).type }

    package func stored(_ name: String) throws(LensError) -> StoredMatrix? {
        let tensor = try tensor(name)
        guard tensor.shape.count == 2, tensor.type.products != nil else { return nil }
        return unsafe StoredMatrix(
            tensor.type, rows: tensor.shape[0], columns: tensor.shape[1],
            headSize: isInterleaved(name) ? configuration.headDimension : 0, blocks: file.bytes(of: tensor), owner: file
        )
    }

    package func releasePages() { file.releasePages() }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        let tensor = try tensor(name)
        precondition(destination.count == tensor.count, "the destination must have the parameter's size")
        guard isInterleaved(name) else {
            unsafe file.read(tensor, into: destination)
            return
        }
        let columns = tensor.shape.count == 2 ? tensor.shape[1] : 1
        guard columns.isMultiple(of: tensor.type.blockElements) else {
            throw .data("\(path): the bias `\(tensor.name)` is quantized, which is not supported.")
        }
        let bytes = unsafe file.bytes(of: tensor)
        let rowBytes = bytes.count / tensor.shape[0]
        for row in 0..<tensor.shape[0] {
            let target = halvesRow(ofInterleaved: row) * columns
            unsafe tensor.type.dequantize(
                UnsafeRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes]),
                into: UnsafeMutableBufferPointer(rebasing: destination[target..<target + columns]))
        }
    }
}
