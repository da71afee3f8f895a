/// A pre-tokenizer that GGUF knows by name: what llama.cpp does for `tokenizer.ggml.pre`.
///
/// llama.cpp cuts by patterns of its own, which are simpler than the published ones in places; those are its here.
/// Names and patterns: its table of pre-tokenizers (`llm_tokenizer_bpe`).
struct GGUFPreTokenizer: Sendable {
    /// The first name is the one that is written.
    let names: [String]
    let steps: [PreTokenizerStep]
    let ignoresMerges: Bool
    let addsBOS: Bool
    /// What models publish that llama.cpp approximates by `steps`.
    let published: [PreTokenizerStep]?

    private init(
        _ names: String, _ steps: [PreTokenizerStep], ignoresMerges: Bool = false, addsBOS: Bool = false,
        published: [PreTokenizerStep]? = nil
    ) {
        self.names = names.split(separator: " ").map(String.init)
        self.steps = steps
        self.ignoresMerges = ignoresMerges
        self.addsBOS = addsBOS
        self.published = published
    }

    static func named(_ name: String) -> GGUFPreTokenizer? { all.first { $0.names.contains(name) } }

    // MARK: Writing

    /// The one to write for a definition, and in what it differs from it; nil where GGUF has no name.
    static func forWriting(_ definition: TokenizerDefinition) -> (name: String, loss: String?)? {
        let steps = normalized(definition.preTokenizer)
        let exact = all.filter { normalized($0.steps) == steps }
        if let same = exact.first(where: { $0.ignoresMerges == definition.ignoresMerges }) {
            return (same.names[0], nil)
        }
        if let near = exact.first {
            let wholeWords = near.ignoresMerges ? "takes words that are tokens whole" : "merges words that are tokens"
            return (near.names[0], "under this name llama.cpp \(wholeWords), unlike the tokenizer")
        }
        guard let near = all.first(where: { $0.published.map(normalized) == steps }) else { return nil }
        return (
            near.names[0],
            "under this name llama.cpp (and LongLens, reading the file) cuts by a simpler pattern than the tokenizer, which "
                + "gives other tokens for some texts: letters beyond ASCII, marks, numbers"
        )
    }

    /// Steps that do the same are written the same: `ByteLevel` with its own pattern is the pattern and `ByteLevel`
    /// without, and a character may be escaped.
    private static func normalized(_ steps: [PreTokenizerStep]) -> [PreTokenizerStep] {
        steps.flatMap { step -> [PreTokenizerStep] in
            switch step {
            case .byteLevel(false, true): [isolated(PublishedPattern.gpt2), plainBytes]
            case .digits(true): [isolated(#"\p{N}"#)]
            case .digits(false): [isolated(#"\p{N}+"#)]
            case .split(let pattern, let behavior, let inverted):
                [.split(pattern: RegexTranslation.unescaped(pattern), behavior: behavior, inverted: inverted)]
            default: [step]
            }
        }
    }

    // MARK: The table

    private static func isolated(_ pattern: String) -> PreTokenizerStep {
        .split(pattern: RegexTranslation.unescaped(pattern), behavior: .isolated, inverted: false)
    }

    private static func cut(_ patterns: String...) -> [PreTokenizerStep] { patterns.map(isolated) + [plainBytes] }

    private static let plainBytes = PreTokenizerStep.byteLevel(addsPrefixSpace: false, usesRegex: false)
    private static let gpt2Bytes = PreTokenizerStep.byteLevel(addsPrefixSpace: false, usesRegex: true)
    private static let contractions = PublishedPattern.contractions
    private static let blanks = PublishedPattern.blanks
    private static let punctuated = #" ?[^\s\p{L}\p{N}]+"#
    private static let before = #"[^\r\n\p{L}\p{N}]?"#

    /// llama.cpp's stand-in for small letters and capitals: of ASCII's letters alone it knows which they are.
    private static func cased(_ upper: String, _ lower: String, suffix: String, numbers: String) -> String {
        "\(before)\(upper)*\(lower)+\(suffix)|\(before)\(upper)+\(lower)*\(suffix)|\(numbers)"
            + #"|\#(punctuated)[\r\n/]*|\#(blanks)"#
    }

    /// The same without the difference of small letters and capitals.
    private static func marked(numbers: String) -> String {
        #"\#(before)[\p{L}\p{M}]+\#(contractions)?|\#(numbers)|\#(punctuated)[\r\n/]*|\#(blanks)"#
    }

    /// Numbers in threes from their end, the text before with the first of them.
    private static let threes = [
        isolated(#"\P{N}*\p{N}+"#),
        isolated(#"\A\P{N}*\p{N}{1,2}(?=(?:\p{N}{3})*\z)|\A\P{N}*\p{N}{3}|\p{N}{3}"#),
    ]

    static let all: [GGUFPreTokenizer] = [
        GGUFPreTokenizer(
            "gpt-2 gpt2 phi-2 mpt olmo jais trillion granite-docling jina-es jina-de jina-v2-es jina-v2-de gigachat "
                + "a.x-4.0 mellum modern-bert exaone4",
            [gpt2Bytes]),
        GGUFPreTokenizer(
            "smollm starcoder refact command-r codeshell exaone minerva-7b mellum2",
            [.digits(individual: true), gpt2Bytes]),
        GGUFPreTokenizer(
            "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
            cut(PublishedPattern.llama3), ignoresMerges: true, addsBOS: true),
        GGUFPreTokenizer("glm4 glm5", cut(PublishedPattern.llama3), ignoresMerges: true),
        GGUFPreTokenizer("dbrx smaug-bpe chatglm-bpe", cut(PublishedPattern.llama3)),
        GGUFPreTokenizer(
            "qwen2 deepseek-r1-qwen kormo f2llmv2 stablelm2 hunyuan megrez solar-open grok-2",
            cut(PublishedPattern.qwen2)),
        GGUFPreTokenizer("qwen35", cut(PublishedPattern.qwen35)),
        GGUFPreTokenizer(
            "tekken", cut(cased(#"[^\P{L}a-z]"#, #"[^\P{L}A-Z]"#, suffix: "", numbers: #"\p{N}"#)), ignoresMerges: true,
            addsBOS: true, published: cut(PublishedPattern.tekken)),
        GGUFPreTokenizer(
            "gpt-4o llama4 kanana2 talkie minimax-m2",
            cut(cased(#"[^\P{L}a-z]"#, #"[^\P{L}A-Z]"#, suffix: contractions + "?", numbers: #"\p{N}{1,3}"#)),
            published: cut(PublishedPattern.gpt4o)),
        GGUFPreTokenizer(
            "granite-embed-multi-97m",
            cut(
                cased(
                    #"(?:(?![a-z])[\p{L}\p{M}])"#, #"(?:(?![A-Z])[\p{L}\p{M}])"#, suffix: contractions + "?",
                    numbers: #"\p{N}{1,3}"#)),
            ignoresMerges: true),
        GGUFPreTokenizer(
            "deepseek-llm",
            cut(
                PublishedPattern.newline, PublishedPattern.deepSeekWords, PublishedPattern.deepSeekPunctuation,
                #"\s+$"#,
                PublishedPattern.han, #"\p{N}+"#),
            published: cut(
                PublishedPattern.newline, PublishedPattern.deepSeekWords, PublishedPattern.deepSeekPunctuation,
                #"\s+$"#,
                PublishedPattern.han, #"\p{N}"#)),
        GGUFPreTokenizer(
            "deepseek-coder",
            cut(PublishedPattern.newline, #"\s?\p{L}+"#, #"\s?\p{P}+"#, PublishedPattern.han, #"\p{N}"#)),
        GGUFPreTokenizer(
            "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
            cut(#"\p{N}{1,3}"#, PublishedPattern.hanAndKana, PublishedPattern.deepSeek3)),
        GGUFPreTokenizer(
            "spark2_5",
            cut(
                #"\p{N}{1,3}"#, PublishedPattern.hanAndKana,
                ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"##
                    + #"| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+"#, #"\p{N}"#)),
        GGUFPreTokenizer(
            "youtu",
            cut(
                #"[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-\x{303F}︰-﹏]+|[ㄅ-ㄯ]+|[一-龥\x{3040}-ゟ゠-ヿ]+"#,
                marked(numbers: #"\p{N}"#)),
            ignoresMerges: true),
        GGUFPreTokenizer(
            "falcon", cutFalcon,
            published: [
                .split(pattern: HuggingFacePreTokenizer.punctuation, behavior: .contiguous, inverted: false), gpt2Bytes,
                .digits(individual: false), isolated("[0-9][0-9][0-9]"),
            ]),
        GGUFPreTokenizer("poro-chat bloom gpt3-finnish", cut(#" ?[^(\s|.,!?…。，、।۔،)]+"#)),
        GGUFPreTokenizer("viking", cut(#" ?[^(\s|.,!?…。，、।۔،)]+"#, #"\p{N}"#)),
        GGUFPreTokenizer(
            "chameleon",
            cut(
                "<sentinel:[0-9]+>", "IMGIMG[A-I]{1,4}Z", #"[\t\n]|    |  "#, #"\p{N}"#, #"[\p{P}!-/:-@\[-`{-~]"#,
                PublishedPattern.gpt2), addsBOS: true),
        GGUFPreTokenizer("tiny_aya cohere2moe", threes + cut(marked(numbers: #"\p{N}{1,3}"#))),
        GGUFPreTokenizer(
            "afmoe",
            threes
                + cut(
                    #"[\#(afmoeScripts)]+"#,
                    PublishedPattern.deepSeek3)),
        GGUFPreTokenizer(
            "kimi-k2",
            cut(
                #"\p{Han}+|\#(before)(?:(?!\p{Han})\p{L})+\#(contractions)?|\p{N}{1,3}|\#(punctuated)[\r\n]*|\#(blanks)"#
            )),
        GGUFPreTokenizer("superbpe", cut(#"\p{N}+"#, #"(?=(\d{3})+(?!\d))"#)),
        GGUFPreTokenizer(
            "bailingmoe bailingmoe2 llada-moe",
            cut(
                #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
            )),
        GGUFPreTokenizer(
            "seed-coder",
            cut(#"\#(contractions)|\#(before)\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\#(blanks)"#)),
        GGUFPreTokenizer("ufakzeka", cut(#"\#(before)\p{L}+|\p{N}|\#(punctuated)[\r\n]*|\#(blanks)"#)),
        GGUFPreTokenizer("laguna", cut(#"[^\n]+|[\n]+"#, PublishedPattern.qwen2)),
        GGUFPreTokenizer(
            "exaone-moe",
            cut(
                #"\#(contractions)|\#(before)(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?"#
                    + #"|\s*[\r\n]|\s+(?!\S)|\s+"#)),
        GGUFPreTokenizer(
            "jais-2",
            cut(
                #"\#(contractions)|\#(before)\p{L}+|\p{N}{1,3}|\#(punctuated)[\r\n]*|\s*[\r\n]+|\s{512}(?!\S)|\s{256}(?!\S)"#
                    + #"|\s{128}(?!\S)|\s{64}(?!\S)|\s{32}(?!\S)|\s{16}(?!\S)|\s{8}(?!\S)|\s{4}(?!\S)|\s{1,2}(?!\S)|\s{1}"#
            )),
        GGUFPreTokenizer(
            "minicpm5",
            cut(#"\p{N}{1,3}"#, #"\#(contractions)|\#(before)\p{L}+|\p{N}+|\#(punctuated)[\r\n]*|\#(blanks)"#),
            ignoresMerges: true),
        // What llama.cpp does for files that name no pre-tokenizer.
        GGUFPreTokenizer(
            "default",
            cut(#"[\p{P}\$\+<=>\^~\|]+"#, PublishedPattern.gpt2, #"\p{N}+"#, "[0-9][0-9][0-9]")),
    ]

    private static let cutFalcon = cut(#"[\p{P}\$\+<=>\^~\|`]+"#, PublishedPattern.gpt2, "[0-9][0-9][0-9]")

    /// Scripts that AFMoE cuts out.
    private static let afmoeScripts = #"""
        \x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{8C48}-\x{FAFF}\x{3040}-\x{309F}\x{30A0}-\x{30FF}\#
        \x{FF65}-\x{FF9F}\x{2F00}-\x{2FDF}\x{E40}-\x{E7F}\x{E80}-\x{EFF}\x{1780}-\x{17FF}\#
        \x{1000}-\x{109F}\x{AA60}-\x{AA7F}\x{A9E0}-\x{A9FF}\x{AC00}-\x{D7AF}\x{1100}-\x{11FF}
        """#
}

extension TokenizerDefinition {
    /// GGUF has a name for the pre-tokenizer; where it has none, the whole description goes into the file.
    var preTokenizerIsNamed: Bool {
        kind == .sentencePiece || preTokenizerName != nil || GGUFPreTokenizer.forWriting(self) != nil
    }
}
