import LensSupport

/// Reads and writes the pre-tokenizer of a tokenizer.json.
enum HuggingFacePreTokenizer {
    private static let supported =
        "ByteLevel, Split, Digits, Punctuation, Whitespace, WhitespaceSplit, CharDelimiterSplit, UnicodeScripts, "
        + "BertPreTokenizer, Metaspace"

    private static let whiteSpace = #"\s"#
    /// Of Unicode's punctuation and ASCII's.
    static let punctuation = #"[\p{P}!-/:-@\[-`{-~]"#
    /// Rust's `\w` and what is neither that nor white space.
    private static let words =
        #"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}\s]+"#

    static func read(_ value: JSONValue?, _ path: String) throws(LensError) -> [PreTokenizerStep] {
        var steps: [PreTokenizerStep] = []
        for item in try HuggingFaceComponent.all(value, "pre_tokenizer", key: "pretokenizers", path) {
            steps += try Self.steps(item, path)
        }
        return steps
    }

    private static func steps(_ item: HuggingFaceComponent, _ path: String) throws(LensError) -> [PreTokenizerStep] {
        func split(_ pattern: String, _ behavior: SplitBehavior, inverted: Bool = false) -> PreTokenizerStep {
            .split(pattern: pattern, behavior: behavior, inverted: inverted)
        }
        switch item.type {
        case "ByteLevel":
            return [
                .byteLevel(
                    addsPrefixSpace: item.flag("add_prefix_space", default: true),
                    usesRegex: item.flag("use_regex", default: true))
            ]
        case "Digits": return [.digits(individual: item.flag("individual_digits", default: false))]
        case "Split":
            return [
                split(
                    try item.pattern("pre_tokenizer", path), try behavior(item, default: nil, path),
                    inverted: item.flag("invert", default: false))
            ]
        case "Punctuation": return [split(punctuation, try behavior(item, default: .isolated, path))]
        case "Whitespace": return [split(words, .removed, inverted: true)]
        case "WhitespaceSplit": return [split(whiteSpace, .removed)]
        case "BertPreTokenizer": return [split(whiteSpace, .removed), split(punctuation, .isolated)]
        case "CharDelimiterSplit":
            guard let delimiter = item.value["delimiter"]?.string?.unicodeScalars, delimiter.count == 1 else {
                throw .data("\(path): the pre_tokenizer CharDelimiterSplit lacks a \"delimiter\" of one character.")
            }
            return [split(HuggingFaceComponent.pattern(of: delimiter), .removed)]
        case "UnicodeScripts": return [.unicodeScripts]
        case "Metaspace": return [try metaspace(item, path)]
        default: throw item.unsupported("pre_tokenizer", supported, path)
        }
    }

    private static func behavior(
        _ item: HuggingFaceComponent, default: SplitBehavior?, _ path: String
    ) throws(LensError) -> SplitBehavior {
        let name = item.value["behavior"]?.string
        guard let behavior = name.map(SplitBehavior.init(rawValue:)) ?? `default` else {
            throw .data(
                "\(path): the pre_tokenizer \(item.type) has behavior \(name ?? "(none)"), which is not known.")
        }
        return behavior
    }

    private static func metaspace(_ item: HuggingFaceComponent, _ path: String) throws(LensError) -> PreTokenizerStep {
        let mark = TokenizerDefinition.spaceMark
        guard (item.value["replacement"]?.bytes ?? mark) == mark else {
            throw .data("\(path): the pre_tokenizer Metaspace is supported with the replacement ▁ only.")
        }
        var scheme = PrependScheme.always
        if let name = item.value["prepend_scheme"]?.string {
            guard let known = PrependScheme(rawValue: name) else {
                throw .data("\(path): the pre_tokenizer Metaspace has prepend_scheme \(name), which is not known.")
            }
            scheme = known
        } else if !item.flag("add_prefix_space", default: true) {
            scheme = .never
        }
        return .metaspace(prepend: scheme, splits: item.flag("split", default: true))
    }

    static func write(_ step: PreTokenizerStep) -> JSONValue {
        switch step {
        case .split(let pattern, let behavior, let inverted):
            [
                "type": "Split", "pattern": ["Regex": JSONValue(pattern)],
                "behavior": JSONValue(behavior.rawValue), "invert": .bool(inverted),
            ]
        case .digits(let individual): ["type": "Digits", "individual_digits": .bool(individual)]
        case .byteLevel(let addsPrefixSpace, let usesRegex):
            [
                "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
                "use_regex": .bool(usesRegex),
            ]
        case .metaspace(let scheme, let splits):
            [
                "type": "Metaspace", "replacement": .string(TokenizerDefinition.spaceMark),
                "prepend_scheme": JSONValue(scheme.rawValue), "split": .bool(splits),
            ]
        case .unicodeScripts: ["type": "UnicodeScripts"]
        }
    }
}
