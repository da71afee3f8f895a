import LensSupport

/// A named way from the losses of a sequence to the weights of its loss.
///
/// Made from `NAME[:key=value,…]`:
///
/// | spec | weight of a token |
/// |---|---|
/// | `uniform` | 1: plain cross-entropy |
/// | `dense:lambda=0.75` | λ + (1 − λ) · n·\|d\| / Σ\|d\| |
/// | `sparse:kappa=0.2` | n / kept for the floor(κ·n) largest \|d\|, else 0 |
/// | `longce:gamma=5` | min(p_long / p_short, γ) |
/// | `ppmi:shift=1[,kappa=…]` | max(0, log(p_long / p_short) − log s), L1; with κ a mask of the largest |
/// | `npmi:shift=1[,kappa=…]` | max(0, log(p_short / p_long) − log s), likewise |
/// | `rho:kappa=0.6` | n / kept for the largest excess losses l − l_reference (Rho-1, arXiv 2404.07965) |
/// | `longfilter` | p_long · max(0, log(p_long / p_short)), L1 |
/// | `exact:alpha=0.15,gamma=0.5,tau=1024` | by position alone, see ``EffectiveContext`` |
/// | `pipeline:…` | any ``Pipeline`` |
///
/// with d = l_long − l_short. The values shown are those taken when a key is left out.
public struct WeightingScheme: Sendable, Equatable, CustomStringConvertible {
    /// Whether weights need the losses of a scorer.
    public enum ShortLosses: Sendable { case none, required }

    enum Rule: Sendable, Equatable {
        case uniform
        case pipeline(Pipeline)
        case longFilter
        case effectiveContext(EffectiveContext)
    }

    let rule: Rule
    /// The specification with every setting spelled out; it makes the same scheme again.
    public let description: String

    init(rule: Rule, description: String) {
        self.rule = rule
        self.description = description
    }

    /// Whether ``weights(long:short:documentStarts:generator:)`` needs short losses.
    public var shortLosses: ShortLosses {
        switch rule {
        case .uniform, .effectiveContext: .none
        case .pipeline, .longFilter: .required
        }
    }

    /// The share of the predictions whose weight is not 0, where the scheme's settings decide it; 1 where the losses do.
    package var weightedShare: Double {
        guard case .pipeline(let pipeline) = rule, let kappa = pipeline.sparsification else { return 1 }
        // A share of plain cross-entropy goes to all.
        return pipeline.interpolation.map { $0 > 0 } ?? false ? 1 : kappa
    }

    /// The weight of every prediction of one sequence, computed in double precision.
    ///
    /// - Parameters:
    ///   - long: losses (nats) under the whole context, one a prediction.
    ///   - short: losses of the same predictions under the short context, or by the reference model of `rho`;
    ///     must be there when ``shortLosses`` is `.required`, and is not looked at otherwise.
    ///   - documentStarts: indices of the tokens with which documents begin in the sequence. But for the first, which has no
    ///     prediction, they weigh 0: nothing of their document predicts them. Their losses are not looked at.
    ///   - generator: draws among equal scores where κ leaves a choice.
    /// - Throws: `.usage` when losses or document starts are not as they should be.
    /// - Returns: as many weights as losses. Where a loss is not finite, every weight that depends on it is NaN.
    public func weights(
        long: [Float], short: [Float]?, documentStarts: [Int] = [0], generator: inout SeededGenerator
    ) throws(LensError) -> [Float] {
        guard documentStarts.first == 0, zip(documentStarts, documentStarts.dropFirst()).allSatisfy(<) else {
            throw .usage("The documents of a sequence begin at \(documentStarts), which does not ascend from 0.")
        }
        guard short == nil || short?.count == long.count || shortLosses == .none else {
            throw mismatch(long, short)
        }
        if case .effectiveContext(let exact) = rule {
            return exact.weights(count: long.count, documentStarts: documentStarts).map { Float($0) }
        }
        let begins = Set(documentStarts.dropFirst().map { $0 - 1 })
        if begins.isEmpty { return try weights(long: long, short: short, generator: &generator) }
        let predicted = long.indices.filter { !begins.contains($0) }
        let computed = try weights(
            long: predicted.map { long[$0] }, short: short.map { short in predicted.map { short[$0] } },
            generator: &generator)
        var weights = [Float](repeating: 0, count: long.count)
        for (index, weight) in zip(predicted, computed) { weights[index] = weight }
        return weights
    }

    private func mismatch(_ long: [Float], _ short: [Float]?) -> LensError {
        .usage(
            "The scheme \(description) compares two losses of each of \(long.count) predictions, and "
                + "\(short?.count ?? 0) short ones were given.")
    }

    /// The weights of predictions that are all of one document.
    private func weights(
        long: [Float], short: [Float]?, generator: inout SeededGenerator
    ) throws(LensError) -> [Float] {
        switch rule {
        case .uniform:
            return long.map { _ in 1 }
        case .effectiveContext(let exact):
            return exact.weights(count: long.count).map { Float($0) }
        case .pipeline, .longFilter:
            guard let short, short.count == long.count else { throw mismatch(long, short) }
            if case .pipeline(let pipeline) = rule {
                return pipeline.weights(long: long, short: short, generator: &generator).map { Float($0) }
            }
            return longFilterWeights(long: long, short: short).map { Float($0) }
        }
    }

    /// The same; `.data` where a weight is not finite, because a loss is not.
    ///
    /// - Parameter name: of the sequence, for messages.
    package func finiteWeights(
        long: [Float], short: [Float]?, documentStarts: [Int] = [0], of name: String,
        generator: inout SeededGenerator
    ) throws(LensError) -> [Float] {
        let weights = try weights(
            long: long, short: short, documentStarts: documentStarts, generator: &generator)
        guard let first = weights.firstIndex(where: { !$0.isFinite }) else { return weights }
        // One loss may spoil all weights: that token is named.
        let index = long.indices.first { !long[$0].isFinite || !(short?[$0].isFinite ?? true) } ?? first
        throw .data(
            "The scheme \(self) gives token \(index + 1) of \(name) the weight \(weights[index]), which is not "
                + "finite: its losses are \(long[index]) and \(short?[index] ?? .nan).")
    }

    /// Throws `.usage` when sequences of `predictions` predictions, in documents of at most `documentLength` tokens, are
    /// too short for the scheme to do anything. Nil: one document is all of the sequence.
    public func check(predictions: Int, documentLength: Int? = nil) throws(LensError) {
        switch rule {
        case .pipeline(let pipeline):
            guard let kappa = pipeline.sparsification, keptCount(kappa: kappa, of: predictions) == 0 else { return }
            throw .usage(
                "The scheme \(description) keeps floor(\(plain(kappa)) · \(predictions)) = 0 of a sequence's "
                    + "\(predictions) predictions. Take a larger kappa or longer sequences.")
        case .effectiveContext(let exact):
            let length = documentLength ?? predictions + 1
            guard EffectiveContext.bucketEdge(length - 1) < exact.tau else { return }
            throw .usage(
                "The scheme \(description) changes nothing: no token of \(length) tokens has a "
                    + "context in a bucket that begins at \(exact.tau) tokens or more. Take a smaller tau or longer "
                    + "sequences.")
        case .uniform, .longFilter:
            return
        }
    }
}
