import LensSupport

/// Reads the normalizer, pre-tokenizer, post-processor and decoder of a tokenizer.json.
enum HuggingFaceComponents {
    private static func type(_ value: JSONValue, _ what: String, _ path: String) throws(LensError) -> String {
        guard let type = value["type"]?.string else { throw .data("\(path): the \(what) has no type.") }
        return type
    }

    private static func unsupported(_ what: String, _ type: String, _ supported: String, _ path: String) -> LensError {
        .data("\(path): the \(what) \(type) is not supported; supported are \(supported).")
    }

    // MARK: Normalizer

    static func normalizer(_ value: JSONValue?, _ path: String) throws(LensError) -> [NormalizerStep] {
        guard let value else { return [] }
        switch try type(value, "normalizer", path) {
        case "Sequence":
            var steps: [NormalizerStep] = []
            for item in value["normalizers"]?.array ?? [] { steps += try normalizer(item, path) }
            return steps
        case "NFC": return [.nfc]
        case "Prepend":
            guard let text = value["prepend"]?.bytes else {
                throw .data("\(path): the normalizer Prepend lacks \"prepend\".")
            }
            return [.prepend(text)]
        case "Replace":
            guard let pattern = value["pattern"]?["String"]?.bytes, !pattern.isEmpty,
                let content = value["content"]?.bytes
            else {
                throw .data(
                    "\(path): the normalizer Replace is supported with a pattern of the form {\"String\": …} only.")
            }
            return [.replace(pattern, with: content)]
        case let type: throw unsupported("normalizer", type, "NFC, Prepend, Replace and Sequence", path)
        }
    }

    // MARK: Pre-tokenizer

    static func preTokenizer(_ value: JSONValue?, _ path: String) throws(LensError) -> [PreTokenizerStep] {
        guard let value else { return [] }
        switch try type(value, "pre_tokenizer", path) {
        case "Sequence":
            var steps: [PreTokenizerStep] = []
            for item in value["pretokenizers"]?.array ?? [] { steps += try preTokenizer(item, path) }
            return steps
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: value["add_prefix_space"]?.bool ?? true,
                    usesRegex: value["use_regex"]?.bool ?? true)
            ]
        case "Digits": return [.digits(individual: value["individual_digits"]?.bool ?? false)]
        case "Split": return [try split(value, path)]
        case "Metaspace": return [try metaspace(value, path)]
        case let type:
            throw unsupported("pre_tokenizer", type, "ByteLevel, Split, Digits, Metaspace and Sequence", path)
        }
    }

    private static func split(_ value: JSONValue, _ path: String) throws(LensError) -> PreTokenizerStep {
        guard let name = value["behavior"]?.string, let behavior = SplitBehavior(rawValue: name) else {
            throw .data(
                "\(path): the pre_tokenizer Split has behavior \(value["behavior"]?.string ?? "(none)"), which is not known."
            )
        }
        let pattern: String
        if let regex = value["pattern"]?["Regex"]?.string {
            pattern = regex
        } else if let literal = value["pattern"]?["String"]?.string {
            pattern = literal.unicodeScalars.map { #"\x{"# + String($0.value, radix: 16) + "}" }.joined()
        } else {
            throw .data(
                "\(path): the pre_tokenizer Split has no pattern of the form {\"Regex\": …} or {\"String\": …}.")
        }
        return .split(pattern: pattern, behavior: behavior, inverted: value["invert"]?.bool ?? false)
    }

    private static func metaspace(_ value: JSONValue, _ path: String) throws(LensError) -> PreTokenizerStep {
        guard (value["replacement"]?.bytes ?? TokenizerDefinition.spaceMark) == TokenizerDefinition.spaceMark else {
            throw .data("\(path): the pre_tokenizer Metaspace is supported with the replacement ▁ only.")
        }
        var scheme = PrependScheme.always
        if let name = value["prepend_scheme"]?.string {
            guard let known = PrependScheme(rawValue: name) else {
                throw .data("\(path): the pre_tokenizer Metaspace has prepend_scheme \(name), which is not known.")
            }
            scheme = known
        } else if value["add_prefix_space"]?.bool == false {
            scheme = .never
        }
        return .metaspace(prepend: scheme, splits: value["split"]?.bool ?? true)
    }

    // MARK: Post-processor

    /// Reads which tokens go before and after text. Returns whether there is a template.
    static func postProcessor(
        _ value: JSONValue?, _ definition: inout TokenizerDefinition, _ path: String
    ) throws(LensError) -> Bool {
        guard let value else { return false }
        switch try type(value, "post_processor", path) {
        case "Sequence":
            var hasTemplate = false
            for item in value["processors"]?.array ?? [] where try postProcessor(item, &definition, path) {
                hasTemplate = true
            }
            return hasTemplate
        case "ByteLevel": return false  // Only offsets, which are not given out.
        case "TemplateProcessing":
            try template(value, &definition, path)
            return true
        case let type: throw unsupported("post_processor", type, "TemplateProcessing, ByteLevel and Sequence", path)
        }
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
        guard before.count <= 1, after.count <= 1 else {
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

    // MARK: Decoder

    /// The decoder must undo what the encoder does; which one it is says nothing new.
    static func checkDecoder(_ value: JSONValue?, _ definition: TokenizerDefinition, _ path: String) throws(LensError) {
        guard let value else {
            // Without a decoder the library joins tokens with spaces, which undoes nothing; ids do not depend on it.
            return
        }
        let known = ["ByteLevel", "Replace", "ByteFallback", "Fuse", "Strip", "Metaspace", "Sequence"]
        let name = try type(value, "decoder", path)
        guard known.contains(name) else { throw unsupported("decoder", name, known.joined(separator: ", "), path) }
        for item in value["decoders"]?.array ?? [] { try checkDecoder(item, definition, path) }
    }
}
