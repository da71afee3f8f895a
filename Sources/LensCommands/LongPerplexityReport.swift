import LensScoring

/// LongPPL, as `evaluate` prints it. What has no key tokens has no LongPPL: null in JSON, words in the table.
struct LongPerplexityReport: Encodable {
    /// Losses of some tokens: all of them, and the key tokens alone.
    struct Part: Encodable {
        /// Of a document.
        let document: String?
        /// Of a bucket: its positions.
        let from, to: Int?
        let tokens: Int
        let loss, perplexity: Double
        let keyTokens: Int
        /// Of the key tokens among all.
        let share: Double
        /// Not a number without key tokens, which JSON has as null.
        let keyLoss, longPerplexity: Double

        enum CodingKeys: String, CodingKey {
            case document, from, to, tokens, loss, perplexity, share
            case keyTokens = "key_tokens", keyLoss = "key_loss", longPerplexity = "longppl"
        }

        init(document: String? = nil, positions: Range<Int>? = nil, all: MeanLoss, key: MeanLoss) {
            self.document = document
            (from, to) = (positions?.lowerBound, positions.map { $0.upperBound - 1 })
            (tokens, loss, perplexity) = (all.count, all.mean, all.perplexity)
            (keyTokens, keyLoss, longPerplexity) = (key.count, key.mean, key.perplexity)
            share = Double(key.count) / Double(max(1, all.count))
        }

        private var name: String {
            if let from, let to { "\(from)-\(to)" } else { document ?? "all" }
        }

        var cells: [String] {
            [
                name, "\(tokens)", Format.decimal(loss, 4), Format.decimal(perplexity, 2), "\(keyTokens)",
                "\(Format.decimal(100 * share, 2)) %",
                keyTokens == 0 ? "no key tokens" : Format.decimal(longPerplexity, 4),
            ]
        }
    }

    let alpha, beta: Double
    /// What told the key tokens.
    let scorer: String
    /// Of the scorer's windows; not there for a file of scores.
    let scorerContext, scorerStride: Int?
    let all: Part
    /// By position in the sequence.
    let buckets: [Part]
    let documents: [Part]

    enum CodingKeys: String, CodingKey {
        case alpha, beta, scorer, all, buckets, documents
        case scorerContext = "scorer_context", scorerStride = "scorer_stride"
    }

    /// - Parameter all: the losses of all tokens by their positions.
    init(_ measured: LongPerplexity, _ source: KeyTokenSource, all: BucketedLosses) {
        (alpha, beta, scorer) = (source.rule.alpha, source.rule.beta, source.name)
        (scorerContext, scorerStride) = (source.windows?.context, source.windows?.stride)
        let key = measured.keyLosses
        self.all = Part(all: all.total, key: key.total)
        buckets = all.buckets.map { bucket in
            Part(
                positions: bucket.range, all: bucket.losses,
                key: key.buckets.first { $0.range == bucket.range }?.losses ?? MeanLoss())
        }
        documents = measured.documents.map { Part(document: $0.document, all: $0.all, key: $0.key) }
    }

    var text: String {
        let columns = ["tokens", "loss", "perplexity", "key tokens", "share", "LongPPL"]
        return Format.table([["position"] + columns] + (buckets + [all]).map(\.cells)) + "\n"
            + Format.table([["document"] + columns] + documents.map(\.cells))
    }
}
