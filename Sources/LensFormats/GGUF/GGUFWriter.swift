import LensKernels
import LensSupport

/// Writes a model as a GGUF file (version 3) that llama.cpp can load.
///
/// Vectors are stored as F32, matrices as `type` has it. Query and key projections of the `llama` architecture are stored
/// in its interleaved order.
/// - Parameters:
///   - type: See ``GGUFFileType``.
///   - parameters: Delivers each parameter; `ModelSource.read` is one.
///   - tokenizer: Its `tokenizer.*` keys are stored. A list of tokens shorter than the vocabulary is padded with
///     unused ones. May be empty: the file then has no tokenizer.
///   - name: The model's name in the metadata.
///   - origin: What the files that the model comes from say of it: keys that did not change stay as they are.
/// Returns what could not be carried over, one paragraph each.
@discardableResult
package func writeGGUF(
    to path: String, configuration: ModelConfiguration, type: GGUFFileType, tokenizer: GGUFMetadata = GGUFMetadata(),
    name: String, origin: ModelOrigin = .none, on runtime: Runtime = .shared,
    parameters: @escaping ParameterReader
) throws(LensError) -> [String] {
    try configuration.check(path: path)
    let description = try GGUFConfigurationWriter(configuration, path: path)
    let carrying = GGUFCarrying(
        configuration, origin: origin, path: path,
        general: GGUFGeneral.metadata(configuration, type: type, name: name), description: description.metadata,
        tokenizer: try GGUFGeneral.tokenizer(tokenizer, configuration, path: path))

    let list = configuration.parameters
    var tensors = description.factors.map {
        GGUFHeaderWriter.Tensor(name: $0.name, type: .f32, shape: [$0.values.count])
    }
    for parameter in list {
        guard let name = GGUFNames.gguf(parameter.name) else { preconditionFailure("a parameter without a GGUF name") }
        tensors.append(
            GGUFHeaderWriter.Tensor(
                name: name, type: type.type(of: parameter, in: configuration), shape: parameter.shape))
    }
    let header = GGUFHeaderWriter.header(metadata: carrying.entries, tensors: tensors)
    try type.requireRoom(for: configuration, at: path, others: header.count)
    let file = try AtomicFile(path: path)
    try file.write(header)
    let encoder = try unsafe ParameterEncoder(list, path: path, on: runtime, read: parameters)
    for (index, tensor) in tensors.enumerated() {
        if index < description.factors.count {
            try file.write(description.factors[index].values.flatMap { [UInt8](littleEndian: $0.bitPattern) })
        } else {
            let parameter = list[index - description.factors.count]
            let interleaves = configuration.family == .llama && RotaryLayout.applies(to: parameter.name)
            try unsafe encoder.encode(
                parameter, as: tensor.type, interleaving: interleaves ? configuration.headDimension : nil
            ) { bytes throws(LensError) in try unsafe file.write(bytes) }
        }
        try file.write([UInt8](repeating: 0, count: GGUFHeaderWriter.padding(after: tensor.byteCount)))
    }
    try file.commit()
    return description.warnings + carrying.warnings
}
