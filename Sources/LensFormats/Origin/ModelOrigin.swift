import LensSupport

/// What a model's files say of it beside its weights, as they say it.
///
/// The writers take it, so that what did not change comes out as it went in: every metadata key of a GGUF file, every key
/// of `config.json`, and the small files beside it. Between formats, what both have a place for is carried over; the
/// writers' warnings name the rest.
public struct ModelOrigin: Sendable {
    enum Content: Sendable {
        case none
        case gguf(GGUFOrigin)
        case huggingFace(HuggingFaceOrigin)
    }

    let content: Content
    /// The configuration that the files describe, to tell what has changed since.
    let configuration: ModelConfiguration?
    /// False where another tokenizer was given than the model's own.
    let keepsTokenizer: Bool

    /// Of a model without files, or of a format that says nothing more.
    public static let none = ModelOrigin(content: .none, configuration: nil, keepsTokenizer: true)

    /// The name that the files give the model (GGUF's `general.name`).
    public var name: String? {
        guard case .gguf(let origin) = content, let name = origin.scalars.string("general.name") else { return nil }
        return name.isEmpty ? nil : name
    }

    /// The tokens that end generation as the files name them, where they name more than the configuration has. Those of its
    /// own tokenizer, so none where another was given.
    package var endTokens: [Int] {
        guard keepsTokenizer else { return [] }
        return switch content {
        case .none: []
        case .gguf(let origin): origin.furtherEndTokens
        case .huggingFace(let origin): origin.endTokens
        }
    }
}

/// The metadata of a GGUF file.
struct GGUFOrigin: Sendable {
    /// Every key, with the bytes of its type and value.
    let pairs: [(key: String, bytes: [UInt8])]
    /// The values that are no arrays.
    let scalars: GGUFMetadata

    init(_ file: GGUFFile) {
        pairs = file.encodedMetadata
        scalars = GGUFMetadata(file.metadata.values.filter { $0.value.count == nil })
    }

    /// The tokens that end generation in llama.cpp beside that of the text: of a turn, of a message.
    var furtherEndTokens: [Int] {
        ["eot", "eom"].compactMap { scalars.integer("tokenizer.ggml.\($0)_token_id") }
    }

    /// Keys that describe how the file was made or cut, which writing it again changes.
    static func describesFile(_ key: String) -> Bool {
        ["general.alignment", "general.file_type", "general.quantization_version"].contains(key)
            || key.hasPrefix("split.") || key.hasPrefix("quantize.")
    }
}

/// `config.json` and the files beside it.
struct HuggingFaceOrigin: Sendable {
    let members: [JSONMember]
    /// Without `config.json`, weights and their index.
    let files: [ExtraFile]
    /// Names of files beside them that are not carried.
    let skipped: [String]

    func file(_ name: String) -> ExtraFile? { files.first { $0.name == name } }

    /// `generation_config.json`, if there is one that can be read.
    var generation: JSONValue? {
        file("generation_config.json").flatMap { try? JSONValue.parse($0.bytes, path: $0.name, uniqueKeys: false) }
    }

    /// The tokens that end generation, as `config.json` and then `generation_config.json` name them.
    var endTokens: [Int] {
        var tokens: [Int] = []
        for value in [JSONValue.object(members)["eos_token_id"], generation?["eos_token_id"]] {
            let list = value?.array ?? value.map { [$0] } ?? []
            for token in list.compactMap(\.integer) where !tokens.contains(token) { tokens.append(token) }
        }
        return tokens
    }
}

/// A file to put beside a model, such as `tokenizer.json`.
package struct ExtraFile: Equatable, Sendable {
    /// A plain file name.
    package let name: String
    package let bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}
