import LensSupport

/// What a piece of the vocabulary is for. Raw values are GGUF's `tokenizer.ggml.token_type`.
enum PieceType: Int32, Sendable {
    case normal = 1
    case unknown = 2
    case control = 3
    case userDefined = 4
    case unused = 5
    case byte = 6

    /// Text of a document never becomes such a token unless the caller asks for it.
    var isSpecial: Bool { self == .control || self == .unknown }
}

/// How text is cut into the symbols that merging starts from.
enum VocabularyKind: Sendable {
    /// A symbol is a byte; pieces are spelled in GPT-2's alphabet of 256 printable characters.
    case byteLevel
    /// A symbol is a character; spaces are spelled `▁`; characters without a piece fall back to byte pieces.
    case sentencePiece
}

/// One merge of byte-pair encoding: the pieces `left`, `right` become the piece `result`.
struct Merge: Equatable, Sendable {
    var left: Int32
    var right: Int32
    var result: Int32
}

/// Which neighbours merge first.
enum Merging: Sendable {
    /// Listed merges, the earliest first.
    case ranked([Merge])
    /// Any two neighbours whose concatenation is a piece, the highest score first; one score a piece.
    case scored([Float])
}

/// A token found in the text before anything else happens to it.
struct AddedToken: Equatable, Sendable {
    var id: Int32
    var content: [UInt8]
    var isSpecial: Bool
    /// Takes the white space on its left (right) with it.
    var stripsLeft = false
    var stripsRight = false
    /// Looked for in the normalized text, its content normalized too.
    var isNormalized = false
    /// Not found inside of a word.
    var isSingleWord = false

    /// The control, unknown and user-defined ones of a vocabulary, as they are spelled.
    static func all(_ pieces: [[UInt8]], _ types: [PieceType]) -> [AddedToken] {
        pieces.indices.compactMap { id in
            guard types[id].isSpecial || types[id] == .userDefined, !pieces[id].isEmpty else { return nil }
            return AddedToken(id: Int32(id), content: pieces[id], isSpecial: types[id].isSpecial)
        }
    }
}

/// One step of text normalization.
enum NormalizerStep: Equatable, Sendable {
    case nfc, nfd, nfkc, nfkd
    case lowercase
    /// Leaves out marks, as they stand after decomposition.
    case stripAccents
    /// Takes white space off the left and right end.
    case strip(left: Bool, right: Bool)
    case bert(BERTNormalization)
    /// Put before any text that is not empty.
    case prepend([UInt8])
    case replace([UInt8], with: [UInt8])
    /// Every match of a pattern becomes `with`, taken as it is.
    case replacePattern(String, with: [UInt8])
}

/// What the normalization of BERT's tokenizer does.
struct BERTNormalization: Equatable, Sendable {
    /// Leaves control characters out and makes white space spaces.
    var cleansText: Bool
    var separatesIdeographs: Bool
    var stripsAccents: Bool
    var lowercases: Bool
}

/// How a Metaspace pre-tokenizer puts `▁` before text that does not begin with it.
enum PrependScheme: String, Equatable, Sendable {
    case always, first, never
}

/// What happens to the matches of a split, and to the text between them.
enum SplitBehavior: String, Equatable, Sendable {
    case isolated = "Isolated"
    case removed = "Removed"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
}

/// One step that cuts text into words; merging never crosses their borders.
enum PreTokenizerStep: Equatable, Sendable {
    case split(pattern: String, behavior: SplitBehavior, inverted: Bool)
    case digits(individual: Bool)
    case byteLevel(addsPrefixSpace: Bool, usesRegex: Bool)
    case metaspace(prepend: PrependScheme, splits: Bool)
    /// Between characters of different scripts; Han, Hiragana and Katakana are one.
    case unicodeScripts
}

/// Everything that determines a tokenizer's ids, read from any format and checked.
///
/// Invariants, kept by `validated()`: `types` has one entry a piece; every id is in the vocabulary; pieces that take
/// part in merging are distinct; a merge's result spells its two parts.
struct TokenizerDefinition: Sendable {
    var kind: VocabularyKind
    /// The pieces as spelled in the file: in GPT-2's alphabet, or with `▁` for spaces.
    var pieces: [[UInt8]]
    var types: [PieceType]
    var merging: Merging
    var addedTokens: [AddedToken] = []
    var normalizer: [NormalizerStep] = []
    var preTokenizer: [PreTokenizerStep] = []
    /// Name of the pre-tokenizer in GGUF, if the source gave one.
    var preTokenizerName: String?
    /// A word that is a piece is that piece, whatever the merges say.
    var ignoresMerges = false
    /// Characters without a piece become byte pieces `<0xHH>`.
    var fallsBackToBytes = false
    /// Neighbouring unknown characters become one unknown token.
    var fusesUnknown = false
    /// Token of characters without a piece; without it they are left out.
    var unknownToken: Int32?
    /// What the file calls its unknown token, where encoding does not use it; kept for writing.
    var namedUnknownToken: Int32?
    var bosToken: Int32?
    var eosToken: Int32?
    var paddingToken: Int32?
    var addsBOS = false
    var addsEOS = false
    var chatTemplate: [UInt8]?
    /// What the user should know of the description, though it can be used: one paragraph each.
    var warnings: [String] = []

    /// The space that a word-initial piece stands for.
    static let spaceMark: [UInt8] = [0xE2, 0x96, 0x81]

    /// The normalizer does more than spell spaces as `▁`.
    var normalizesText: Bool {
        normalizer.contains { $0 != .prepend(Self.spaceMark) && $0 != .replace([0x20], with: Self.spaceMark) }
    }

    /// `▁` is put before a text, and its space is taken off again in decoding.
    var prependsSpace: PrependScheme {
        guard kind == .sentencePiece else { return .never }
        if normalizer.contains(.prepend(Self.spaceMark)) { return .always }
        for case .metaspace(let scheme, _) in preTokenizer { return scheme }
        return .never
    }
}
