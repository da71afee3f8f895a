import LensSupport

/// Reads and writes the normalizer of a tokenizer.json.
enum HuggingFaceNormalizer {
    private static let supported =
        "NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, BertNormalizer, Prepend, Replace"

    static func read(_ value: JSONValue?, _ path: String) throws(LensError) -> [NormalizerStep] {
        var steps: [NormalizerStep] = []
        for item in try HuggingFaceComponent.all(value, "normalizer", key: "normalizers", path) {
            steps.append(try step(item, path))
        }
        return steps
    }

    private static func step(_ item: HuggingFaceComponent, _ path: String) throws(LensError) -> NormalizerStep {
        switch item.type {
        case "NFC": return .nfc
        case "NFD": return .nfd
        case "NFKC": return .nfkc
        case "NFKD": return .nfkd
        case "Lowercase": return .lowercase
        case "StripAccents": return .stripAccents
        case "Strip":
            return .strip(
                left: item.flag("strip_left", default: true), right: item.flag("strip_right", default: true))
        case "BertNormalizer":
            let lowercases = item.flag("lowercase", default: true)
            return .bert(
                BERTNormalization(
                    cleansText: item.flag("clean_text", default: true),
                    separatesIdeographs: item.flag("handle_chinese_chars", default: true),
                    stripsAccents: item.flag("strip_accents", default: lowercases), lowercases: lowercases))
        case "Prepend":
            guard let text = item.value["prepend"]?.bytes else {
                throw .data("\(path): the normalizer Prepend lacks \"prepend\".")
            }
            return .prepend(text)
        case "Replace":
            guard let content = item.value["content"]?.bytes else {
                throw .data("\(path): the normalizer Replace lacks \"content\".")
            }
            if let literal = item.value["pattern"]?["String"]?.bytes {
                guard !literal.isEmpty else { throw .data("\(path): the normalizer Replace has an empty pattern.") }
                return .replace(literal, with: content)
            }
            return .replacePattern(try item.pattern("normalizer", path), with: content)
        default: throw item.unsupported("normalizer", supported, path)
        }
    }

    static func write(_ step: NormalizerStep) -> JSONValue {
        switch step {
        case .nfc: ["type": "NFC"]
        case .nfd: ["type": "NFD"]
        case .nfkc: ["type": "NFKC"]
        case .nfkd: ["type": "NFKD"]
        case .lowercase: ["type": "Lowercase"]
        case .stripAccents: ["type": "StripAccents"]
        case .strip(let left, let right): ["type": "Strip", "strip_left": .bool(left), "strip_right": .bool(right)]
        case .bert(let bert):
            [
                "type": "BertNormalizer", "clean_text": .bool(bert.cleansText),
                "handle_chinese_chars": .bool(bert.separatesIdeographs), "strip_accents": .bool(bert.stripsAccents),
                "lowercase": .bool(bert.lowercases),
            ]
        case .prepend(let text): ["type": "Prepend", "prepend": .string(text)]
        case .replace(let old, let new):
            ["type": "Replace", "pattern": ["String": .string(old)], "content": .string(new)]
        case .replacePattern(let pattern, let new):
            ["type": "Replace", "pattern": ["Regex": JSONValue(pattern)], "content": .string(new)]
        }
    }

    /// What a step is called.
    static func name(_ step: NormalizerStep) -> String { write(step)["type"]?.string ?? "" }
}
