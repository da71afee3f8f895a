import LensSupport

/// Under which names a folder stores the parameters: those of the whole model, or those of the model without its head.
struct HuggingFaceNames: Sendable {
    /// Names lack the `model.` of their beginning, as the model without a head saves them.
    private let isBare: Bool
    /// The matrix that a tied model shares is stored under the head's name alone.
    private let embeddingIsHead: Bool

    static let embedding = "model.embed_tokens.weight", head = "lm_head.weight"

    /// `has` tells whether a tensor of that name is in the files; `tied` when the configuration says that head and
    /// embedding are one matrix.
    init(tied: Bool, has: (String) -> Bool) {
        let isBare = !has("model.norm.weight") && has("norm.weight")
        let embedding = isBare ? HuggingFaceNames.bare(HuggingFaceNames.embedding) : HuggingFaceNames.embedding
        self.isBare = isBare
        embeddingIsHead = tied && !has(embedding) && has(HuggingFaceNames.head)
    }

    /// The name in the files of the parameter of this name.
    func stored(_ name: String) -> String {
        if embeddingIsHead && name == HuggingFaceNames.embedding { return HuggingFaceNames.head }
        return isBare ? HuggingFaceNames.bare(name) : name
    }

    /// The stored names of the embedding and of a head beside it.
    var embeddingAndHead: (String, String)? {
        embeddingIsHead ? nil : (stored(HuggingFaceNames.embedding), HuggingFaceNames.head)
    }

    private static func bare(_ name: String) -> String {
        name.hasPrefix("model.") ? String(name.dropFirst("model.".count)) : name
    }
}
