import LensSupport

/// From a document to ids: added tokens, normalization, normalized added tokens, pre-tokenization, word encoding: in the order of the
/// `tokenizers` library.
struct TextPipeline: Sendable {
    /// Matchers of raw and of normalized text.
    private struct Matchers: Sendable {
        var raw: AddedTokenMatcher
        var normalized: AddedTokenMatcher
    }

    private let plain: Matchers
    private let withSpecial: Matchers
    private let normalizer: Normalizer
    private let preTokenizer: PreTokenizer

    init(_ definition: TokenizerDefinition, encoder: WordEncoder, file: String) throws(LensError) {
        let normalizer = try Normalizer(definition.normalizer, file: file)
        var session = EncodingSession()
        var tokens: [AddedToken] = []
        for var token in definition.addedTokens {
            if token.isNormalized {
                session.budget = DocumentBudget(byteCount: token.content.count)
                token.content = try normalizer.apply(token.content.span, &session)
            }
            tokens.append(token)
        }
        func matchers(_ tokens: [AddedToken]) -> Matchers {
            let normalized = tokens.filter(\.isNormalized)
            return Matchers(
                raw: AddedTokenMatcher(tokens.filter { !$0.isNormalized }), normalized: AddedTokenMatcher(normalized))
        }
        withSpecial = matchers(tokens)
        plain = matchers(tokens.filter { !$0.isSpecial })
        self.normalizer = normalizer
        preTokenizer = try PreTokenizer(definition.preTokenizer, encoder: encoder, file: file)
    }

    func encode(_ text: [UInt8], parseSpecial: Bool, _ session: inout EncodingSession) throws(LensError) {
        let matchers = parseSpecial ? withSpecial : plain
        let isValid = UTF8Scan.isValid(text)
        session.budget = DocumentBudget(byteCount: text.count)
        for part in try matchers.raw.parts(text.span, &session.budget) {
            switch part {
            case .token(let id): session.output.append(id)
            case .text(let range):
                let isFirst = range.lowerBound == 0
                // A token may cut a character in two only if the token is not UTF-8 itself.
                if normalizer.isEmpty {
                    try encodeNormalized(text.span.extracting(range), matchers, isFirst, isValid, &session)
                } else {
                    let normalized = try normalizer.apply(text.span.extracting(range), &session)
                    try encodeNormalized(normalized.span, matchers, isFirst, isValid, &session)
                }
            }
        }
    }

    private func encodeNormalized(
        _ text: Span<UInt8>, _ matchers: Matchers, _ isFirst: Bool, _ isValid: Bool, _ session: inout EncodingSession
    ) throws(LensError) {
        if matchers.normalized.isEmpty {
            return try preTokenizer.encode(text, isFirst: isFirst, isValid: isValid, &session)
        }
        for part in try matchers.normalized.parts(text, &session.budget) {
            switch part {
            case .token(let id): session.output.append(id)
            case .text(let range):
                try preTokenizer.encode(
                    text.extracting(range), isFirst: isFirst && range.lowerBound == 0, isValid: isValid, &session)
            }
        }
    }
}
