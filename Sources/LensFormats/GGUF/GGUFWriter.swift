import LensSupport

/// Writes a model as a GGUF file (version 3) that llama.cpp can load.
///
/// Vectors are stored as F32. Matrices get `type`, with two exceptions: where `type` is a quantized one, the output
/// matrix (the embedding, if it serves as that) is Q8_0, because it matters most; and a matrix whose rows are not
/// whole blocks is F16. Query and key projections of the `llama` architecture are stored in its interleaved order.
/// - Parameters:
///   - type: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0 or Q5_1; `.usage` for another one.
///   - parameters: Delivers each parameter; `ModelSource.read` is one.
///   - tokenizer: Its `tokenizer.*` keys are stored. A list of tokens shorter than the vocabulary is padded with
///     unused ones. May be empty: the file then has no tokenizer.
///   - name: The model's name in the metadata.
///   - origin: What the files that the model comes from say of it: keys that did not change stay as they are.
/// Returns what could not be carried over, one paragraph each.
@discardableResult
package func writeGGUF(
    to path: String, configuration: ModelConfiguration, type: TensorType, tokenizer: GGUFMetadata = GGUFMetadata(),
    name: String, origin: ModelOrigin = .none, parameters: @escaping ParameterReader
) throws(LensError) -> [String] {
    guard type.isWritable else {
        throw .usage(
            "GGUF files of type \(type.name) cannot be written; f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1 can.")
    }
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
        let type = ggufType(of: parameter, requested: type, tied: configuration.tiedEmbeddings)
        tensors.append(GGUFHeaderWriter.Tensor(name: name, type: type, shape: parameter.shape))
    }
    let header = GGUFHeaderWriter.header(metadata: carrying.entries, tensors: tensors)
    try ModelFormat.gguf.requireRoom(for: configuration, as: type, at: path, others: header.count)
    let file = try AtomicFile(path: path)
    try file.write(header)
    let encoder = try unsafe ParameterEncoder(list, path: path, read: parameters)
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
