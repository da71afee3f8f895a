/// The pre-tokenizers that GGUF knows by name, as their models publish them in tokenizer.json.
enum PublishedPattern {
    static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    static let llama3 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    static let qwen2 =
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// A GGUF name's steps and what comes with them.
    struct Family: Sendable {
        /// The first name is the one that is written.
        var names: [String]
        var steps: [PreTokenizerStep]
        var ignoresMerges = false
        var addsBOS = false
    }

    private static func isolated(_ pattern: String) -> PreTokenizerStep {
        .split(pattern: pattern, behavior: .isolated, inverted: false)
    }

    private static let plainBytes = PreTokenizerStep.byteLevel(addsPrefixSpace: false, usesRegex: false)
    private static let gpt2Bytes = PreTokenizerStep.byteLevel(addsPrefixSpace: false, usesRegex: true)

    /// Names as in llama.cpp's table of pre-tokenizers.
    static let families = [
        Family(
            names: ["gpt-2", "gpt2", "phi-2", "mpt", "olmo", "modern-bert", "gigachat", "mellum"], steps: [gpt2Bytes]),
        Family(
            names: ["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
            steps: [.digits(individual: true), gpt2Bytes]),
        Family(
            names: ["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
            steps: [isolated(llama3), plainBytes], ignoresMerges: true, addsBOS: true),
        Family(names: ["dbrx", "smaug-bpe"], steps: [isolated(llama3), plainBytes]),
        Family(
            names: ["qwen2", "deepseek-r1-qwen", "kormo", "stablelm2", "hunyuan", "megrez"],
            steps: [isolated(qwen2), plainBytes]),
        // What llama.cpp does for files that name no pre-tokenizer.
        Family(
            names: ["default"],
            steps: [
                isolated(#"[\p{P}\$\+<=>\^~\|]+"#), gpt2Bytes, isolated(#"\p{N}+"#), isolated("[0-9][0-9][0-9]"),
            ]),
    ]

    static func family(named name: String) -> Family? { families.first { $0.names.contains(name) } }

    /// The family of these steps and merging rule, if there is one.
    static func family(of steps: [PreTokenizerStep], ignoresMerges: Bool) -> Family? {
        families.first { normalized($0.steps) == normalized(steps) && $0.ignoresMerges == ignoresMerges }
    }

    /// `ByteLevel` with its own pattern is the pattern and `ByteLevel` without.
    private static func normalized(_ steps: [PreTokenizerStep]) -> [PreTokenizerStep] {
        steps.flatMap { step -> [PreTokenizerStep] in
            switch step {
            case .byteLevel(false, true): [isolated(gpt2), plainBytes]
            case .digits(true): [isolated(#"\p{N}"#)]
            case .digits(false): [isolated(#"\p{N}+"#)]
            default: [step]
            }
        }
    }
}
