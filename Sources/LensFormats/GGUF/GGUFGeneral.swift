import LensKernels
import LensSupport

/// Metadata that does not depend on the architecture.
enum GGUFGeneral {
    static func metadata(_ configuration: ModelConfiguration, type: GGUFFileType, name: String) -> [(String, GGUFValue)]
    {
        var list: [(String, GGUFValue)] = [
            ("general.architecture", .string(Array(configuration.family.rawValue.utf8))),
            ("general.type", .string(Array("model".utf8))),
            ("general.name", .string(Array(name.utf8))),
            ("general.file_type", .uint32(type.rawValue)),
        ]
        if type.isQuantized { list.append(("general.quantization_version", .uint32(2))) }
        return list
    }

    /// llama.cpp's type of a token that no text gives.
    private static let unusedToken: Int32 = 5

    static func tokenizer(
        _ given: GGUFMetadata, _ configuration: ModelConfiguration, path: String
    ) throws(LensError) -> [(String, GGUFValue)] {
        var values = given.values.filter { $0.key.hasPrefix("tokenizer.") }
        if values["tokenizer.ggml.model"] == nil { values["tokenizer.ggml.model"] = .string(Array("none".utf8)) }
        for (key, token) in [("bos", configuration.bosToken), ("eos", configuration.eosToken)] {
            let key = "tokenizer.ggml.\(key)_token_id"
            if let token, values[key] == nil { values[key] = .uint32(UInt32(token)) }
        }
        let size = configuration.vocabularySize
        if case .strings(var tokens) = values["tokenizer.ggml.tokens"], tokens.count != size {
            guard tokens.count < size else {
                throw .data("\(path): the tokenizer has \(tokens.count) tokens, but the model only \(size).")
            }
            let missing = tokens.count..<size
            tokens += missing.map { Array("[PAD\($0)]".utf8) }
            values["tokenizer.ggml.tokens"] = .strings(tokens)
            if case .int32s(let types) = values["tokenizer.ggml.token_type"] {
                values["tokenizer.ggml.token_type"] = .int32s(types + missing.map { _ in unusedToken })
            }
            if case .float32s(let scores) = values["tokenizer.ggml.scores"] {
                values["tokenizer.ggml.scores"] = .float32s(scores + missing.map { _ in -1000 })
            }
        }
        return values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
