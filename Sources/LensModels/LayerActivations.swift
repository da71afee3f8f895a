import LensFormats
import LensKernels

/// What a decoder layer computes on its way and its backward reads again: buffers for T tokens.
///
/// Filled by the forward; when a layer's are not kept, the same code fills a shared set again before its backward.
struct LayerActivations {
    /// Input after the first norm [T, hidden] and its reciprocal deviations [1, T].
    let attentionInput, attentionRstd: Matrix
    /// Projections before the rotation, [T, heads * headDimension]; where there is no per-head norm they are
    /// rotated in place, and `query` and `key` are the same buffers.
    let projectedQuery, projectedKey: Matrix
    /// Reciprocal deviations of the per-head norms [1, T * heads], nil without them.
    let queryRstd, keyRstd: Matrix?
    /// Normed and rotated [T, heads * headDimension].
    let query, key: Matrix
    let value: Matrix
    /// Output of the attention [T, heads * headDimension] and log-sum-exp of its rows [heads, T].
    let attended, logSumExp: Matrix
    /// The residual stream between attention and feed-forward part [T, hidden].
    let middle: Matrix
    /// `middle` after the second norm and its reciprocal deviations.
    let feedForwardInput, feedForwardRstd: Matrix
    /// Gate and up projections: of all tokens when kept, else of one block of tokens.
    let gate, up: Matrix

    /// - Parameter feedForwardRows: rows of `gate` and `up`.
    /// - Parameter attention: attention output and log-sum-exp kept elsewhere for this layer, if they are.
    init(
        _ configuration: ModelConfiguration, length: Int, feedForwardRows: Int, arena: Arena, name: String,
        attention: (attended: Matrix, logSumExp: Matrix)? = nil
    ) {
        let hidden = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headDimension
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        func take(_ rows: Int, _ columns: Int) -> Matrix { arena.take(name, rows: rows, columns: columns) }
        attentionInput = take(length, hidden)
        attentionRstd = take(1, length)
        projectedQuery = take(length, queries)
        projectedKey = take(length, keys)
        if configuration.queryKeyNorm {
            queryRstd = take(1, length * configuration.headCount)
            keyRstd = take(1, length * configuration.keyValueHeadCount)
            query = take(length, queries)
            key = take(length, keys)
        } else {
            queryRstd = nil
            keyRstd = nil
            query = projectedQuery
            key = projectedKey
        }
        value = take(length, keys)
        attended = attention?.attended ?? take(length, queries)
        logSumExp = attention?.logSumExp ?? take(configuration.headCount, length)
        middle = take(length, hidden)
        feedForwardInput = take(length, hidden)
        feedForwardRstd = take(1, length)
        gate = take(feedForwardRows, configuration.feedForwardSize)
        up = take(feedForwardRows, configuration.feedForwardSize)
    }

    private init(
        _ whole: LayerActivations, attended: Matrix, logSumExp: Matrix, length: Int, configuration: ModelConfiguration
    ) {
        func head(_ matrix: Matrix) -> Matrix { matrix.rows(0..<length) }
        func row(_ matrix: Matrix, _ count: Int) -> Matrix { matrix.columns(0..<count) }
        attentionInput = head(whole.attentionInput)
        attentionRstd = row(whole.attentionRstd, length)
        projectedQuery = head(whole.projectedQuery)
        projectedKey = head(whole.projectedKey)
        queryRstd = whole.queryRstd.map { row($0, length * configuration.headCount) }
        keyRstd = whole.keyRstd.map { row($0, length * configuration.keyValueHeadCount) }
        query = head(whole.query)
        key = head(whole.key)
        value = head(whole.value)
        self.attended = head(attended)
        let heads = logSumExp.rows
        self.logSumExp = logSumExp.reshaped(rows: 1, columns: logSumExp.count).columns(0..<heads * length)
            .reshaped(rows: heads, columns: length)
        middle = head(whole.middle)
        feedForwardInput = head(whole.feedForwardInput)
        feedForwardRstd = row(whole.feedForwardRstd, length)
        gate = whole.gate.rows(0..<min(length, whole.gate.rows))
        up = whole.up.rows(0..<min(length, whole.up.rows))
    }

    /// The same buffers for a shorter sequence.
    func prefix(_ length: Int, _ configuration: ModelConfiguration) -> LayerActivations {
        LayerActivations(
            self, attended: attended, logSumExp: logSumExp, length: length, configuration: configuration)
    }

    /// The same buffers but for the attention's output and log-sum-exp.
    func replacing(
        attended: Matrix, logSumExp: Matrix, _ configuration: ModelConfiguration
    ) -> LayerActivations {
        LayerActivations(
            self, attended: attended, logSumExp: logSumExp, length: middle.rows, configuration: configuration)
    }
}
