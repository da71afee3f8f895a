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
        let normalizer = Normalizer(steps: definition.normalizer)
        func matchers(_ tokens: [AddedToken]) -> Matchers {
            let normalized = tokens.filter(\.isNormalized).map { token in
                var token = token
                token.content = normalizer.apply(token.content)
                return token
            }
            return Matchers(
                raw: AddedTokenMatcher(tokens.filter { !$0.isNormalized }), normalized: AddedTokenMatcher(normalized))
        }
        withSpecial = matchers(definition.addedTokens)
        plain = matchers(definition.addedTokens.filter { !$0.isSpecial })
        self.normalizer = normalizer
        preTokenizer = try PreTokenizer(definition.preTokenizer, encoder: encoder, file: file)
    }

    func encode(_ text: [UInt8], parseSpecial: Bool, _ session: inout EncodingSession) throws(LensError) {
        let matchers = parseSpecial ? withSpecial : plain
        let isValid = UTF8Scan.isValid(text)
        for part in matchers.raw.parts(text.span) {
            switch part {
            case .token(let id): session.output.append(id)
            case .text(let range):
                let isFirst = range.lowerBound == 0
                // A token may cut a character in two only if the token is not UTF-8 itself.
                if normalizer.steps.isEmpty {
                    try encodeNormalized(text.span.extracting(range), matchers, isFirst, isValid, &session)
                } else {
                    let normalized = normalizer.apply(text.span.extracting(range))
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
        for part in matchers.normalized.parts(text) {
            switch part {
            case .token(let id): session.output.append(id)
            case .text(let range):
                try preTokenizer.encode(
                    text.extracting(range), isFirst: isFirst && range.lowerBound == 0, isValid: isValid, &session)
            }
        }
    }
}
