import LensScoring
import LensSupport

/// The tokens whose scores are furthest from 0, of all sequences seen.
struct TopTokens {
    let limit: Int
    /// Whether weights are shown.
    let weighted: Bool
    private var tokens: [Token] = []

    init(limit: Int, weighted: Bool) {
        self.limit = limit
        self.weighted = weighted
    }

    private struct Token {
        let excerpt, document: String
        let sequence, index: Int
        let score, long, short, weight: Double
    }

    mutating func add(_ sequence: WeighedSequence, _ text: TokenText) throws(LensError) {
        for index in sequence.long.tokens.indices.dropFirst() {
            let score = TokenText.score(sequence, at: index)
            guard limit > 0, tokens.count < limit || score.magnitude > (tokens.last?.score.magnitude ?? 0) else {
                continue
            }
            let token = Token(
                excerpt: try text.excerpt(sequence.long, at: index), document: sequence.document.printable,
                sequence: sequence.sequence, index: index, score: score, long: Double(sequence.long.nll[index - 1]),
                short: Double(sequence.short.nll[index - 1]), weight: Double(sequence.weights[index - 1]))
            // Equal scores stay in the order of the text.
            let place = tokens.firstIndex { $0.score.magnitude < score.magnitude } ?? tokens.count
            tokens.insert(token, at: place)
            if tokens.count > limit { tokens.removeLast() }
        }
    }

    /// The list; empty where nothing was asked for.
    var table: String {
        if tokens.isEmpty { return "" }
        let heads = ["token in its text", "score", "long", "short"] + (weighted ? ["weight"] : [])
        var rows = [heads + ["at", "sequence", "document"]]
        for token in tokens {
            let numbers = [token.score, token.long, token.short] + (weighted ? [token.weight] : [])
            let place = ["\(token.index)", "\(token.sequence)", token.document]
            rows.append([token.excerpt] + numbers.map { Format.decimal($0, 3) } + place)
        }
        return "\nThe \(tokens.count) tokens of the largest scores (short - long, losses in nats):\n"
            + Format.table(rows)
    }
}
