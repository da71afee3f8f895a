import LensModels
import LensScoring

/// What `evaluate` prints.
struct EvaluationReport: Encodable {
    struct Bucket: Encodable { let from, to, tokens: Int; let loss, perplexity: Double }
    let task: Evaluate.Task
    /// What the losses were computed in.
    let compute: String
    let context, sequences, tokens: Int
    let loss, perplexity: Double
    /// By position (perplexity) or distance (recall), in tokens.
    let buckets: [Bucket]
    let longPerplexity: LongPerplexityReport?

    private enum CodingKeys: String, CodingKey {
        case task, compute, context, sequences, tokens, loss, perplexity, buckets
        case longPerplexity = "longppl"
    }

    init(
        task: Evaluate.Task, context: Int, compute: Compute, sequences: Int, losses: BucketedLosses,
        longPerplexity: LongPerplexityReport? = nil
    ) {
        self.longPerplexity = longPerplexity
        self.task = task
        self.compute = compute.rawValue
        self.context = context
        self.sequences = sequences
        tokens = losses.count
        loss = losses.mean
        perplexity = losses.perplexity
        buckets = losses.buckets.map {
            Bucket(
                from: $0.range.lowerBound, to: $0.range.upperBound - 1, tokens: $0.count, loss: $0.mean,
                perplexity: $0.perplexity)
        }
    }

    var text: String {
        if let longPerplexity { return longPerplexity.text }
        let what = task == .recall ? "distance" : "position"
        var rows = [[what, "tokens", "loss", "perplexity"]]
        rows += buckets.map {
            ["\($0.from)-\($0.to)", "\($0.tokens)", Format.decimal($0.loss, 4), Format.decimal($0.perplexity, 2)]
        }
        rows.append(["all", "\(tokens)", Format.decimal(loss, 4), Format.decimal(perplexity, 2)])
        return Format.table(rows)
    }
}
