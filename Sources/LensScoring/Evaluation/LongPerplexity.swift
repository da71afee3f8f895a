import LensData

/// Which tokens need the long context (Fang et al., "What is wrong with perplexity for long-context language modeling?",
/// ICLR 2025), by the losses that an evaluator model gives them.
package struct KeyTokenRule: Equatable, Sendable {
    /// The least by which the long context must raise a key token's log-probability, itself excluded.
    package let alpha: Double
    /// The least log-probability of a key token under the long context, itself excluded.
    package let beta: Double

    /// The paper's α.
    package static let defaultAlpha = 2.0
    /// The paper's β.
    package static let defaultBeta = -2.0

    package init(alpha: Double = defaultAlpha, beta: Double = defaultBeta) {
        (self.alpha, self.beta) = (alpha, beta)
    }

    /// Whether a token is a key token, by its losses (nats) under the evaluator's long and short context.
    package func isKey(long: Float, short: Float) -> Bool {
        Double(short) - Double(long) > alpha && -Double(long) > beta
    }
}

/// LongPPL: perplexity over the key tokens of documents alone, by position and by document. A corpus' is that of all of
/// its key tokens: what a document weighs is how many it has.
package struct LongPerplexity: Sendable {
    /// A document's losses under the evaluated model.
    package struct DocumentLosses: Sendable {
        package let document: String
        /// Of all predictions, and of the key tokens alone.
        package fileprivate(set) var all = MeanLoss()
        package fileprivate(set) var key = MeanLoss()
    }

    /// Of the key tokens, by position in the sequence.
    package private(set) var keyLosses = BucketedLosses()
    package private(set) var documents: [DocumentLosses] = []
    private let rule: KeyTokenRule

    package init(_ rule: KeyTokenRule) { self.rule = rule }

    /// Adds a sequence, after those before it of the same document.
    ///
    /// - Parameters:
    ///   - losses: of its predictions, under the evaluated model.
    ///   - evaluator: the same predictions' losses under the evaluator's long and short context.
    package mutating func add(_ sequence: TokenSequence, losses: [Float], evaluator: (long: [Float], short: [Float])) {
        precondition(losses.count == evaluator.long.count && losses.count == evaluator.short.count, "one each")
        if sequence.index == 0 || documents.isEmpty {
            documents.append(DocumentLosses(document: sequence.document))
        }
        for (index, loss) in losses.enumerated() {
            documents[documents.count - 1].all.add(loss)
            guard rule.isKey(long: evaluator.long[index], short: evaluator.short[index]) else { continue }
            documents[documents.count - 1].key.add(loss)
            keyLosses.add(loss, at: index + 1)
        }
    }
}
