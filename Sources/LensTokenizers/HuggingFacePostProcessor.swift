import LensSupport

/// Reads the post-processor and the decoder of a tokenizer.json.
enum HuggingFacePostProcessor {
    /// Reads which tokens go before and after text. Returns whether the file says so.
    static func read(
        _ value: JSONValue?, _ definition: inout TokenizerDefinition, _ path: String
    ) throws(LensError) -> Bool {
        var isGiven = false
        for item in try HuggingFaceComponent.all(value, "post_processor", key: "processors", path) {
            switch item.type {
            case "ByteLevel": continue  // Only offsets, which are not given out.
            case "TemplateProcessing": try template(item.value, &definition, path)
            case "RobertaProcessing", "BertProcessing":
                try surround(
                    before: [try token(item, "cls", path)], after: [try token(item, "sep", path)], &definition, path)
            default:
                throw item.unsupported(
                    "post_processor", "TemplateProcessing, RobertaProcessing, BertProcessing, ByteLevel", path)
            }
            isGiven = true
        }
        return isGiven
    }

    /// The id of `["<s>", 0]`.
    private static func token(_ item: HuggingFaceComponent, _ key: String, _ path: String) throws(LensError) -> Int32 {
        guard let pair = item.value[key]?.array, pair.count == 2, let id = pair[1].integer.flatMap(Int32.init(exactly:))
        else { throw .data("\(path): the post_processor \(item.type) has no \"\(key)\" of a name and a token id.") }
        return id
    }

    private static func template(
        _ value: JSONValue, _ definition: inout TokenizerDefinition, _ path: String
    ) throws(LensError) {
        var before: [Int32] = []
        var after: [Int32] = []
        var seenText = false
        for item in value["single"]?.array ?? [] {
            if item["Sequence"] != nil {
                seenText = true
                continue
            }
            guard let name = item["SpecialToken"]?["id"]?.string else {
                throw .data(
                    "\(path): the post_processor TemplateProcessing has an item that is neither Sequence nor SpecialToken."
                )
            }
            let ids = value["special_tokens"]?[name]?["ids"]?.array ?? []
            for id in ids {
                guard let id = id.integer.flatMap(Int32.init(exactly:)) else {
                    throw .data("\(path): the post_processor's special token \(name) has an id that is no token id.")
                }
                if seenText { after.append(id) } else { before.append(id) }
            }
        }
        try surround(before: before, after: after, &definition, path)
    }

    private static func surround(
        before: [Int32], after: [Int32], _ definition: inout TokenizerDefinition, _ path: String
    ) throws(LensError) {
        guard before.count + (definition.addsBOS ? 1 : 0) <= 1, after.count + (definition.addsEOS ? 1 : 0) <= 1 else {
            throw .data(
                "\(path): the post_processor puts several tokens before or after text; supported are one BOS and one EOS."
            )
        }
        if let bos = before.first {
            definition.bosToken = bos
            definition.addsBOS = true
        }
        if let eos = after.first {
            definition.eosToken = eos
            definition.addsEOS = true
        }
    }

    /// The decoder must undo what the encoder does; which one it is says nothing new.
    static func checkDecoder(_ value: JSONValue?, _ path: String) throws(LensError) {
        // Without a decoder the library joins tokens with spaces, which undoes nothing; ids do not depend on it.
        let known = ["ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"]
        for item in try HuggingFaceComponent.all(value, "decoder", key: "decoders", path)
        where !known.contains(item.type) {
            throw item.unsupported("decoder", known.joined(separator: ", "), path)
        }
    }
}
