import LensFormats
import LensKernels

/// What forward and backward of a layer use one after the other, in the same place [T, …].
struct LayerWorkspace {
    /// Normed inputs; gradients of them; what the final norm gives, until the last layer's backward begins.
    let normed: Matrix
    /// The residual stream between the two parts; once the backward has passed the second, the gradient of the attention's
    /// output, and then the attention's input again.
    let middle, attendedGradient: Matrix
    var attentionInput: Matrix { middle }
    /// The attention's output, and then the gradient of queries: its backward reads the output first.
    let attended: Matrix
    var queryGradient: Matrix { attended }
    /// Queries; behind the attention's backward, room for rows of the normed input's gradient.
    let projectedQuery, normedRows: Matrix

    init(_ configuration: ModelConfiguration, length: Int, arena: Arena) {
        let hidden = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headDimension
        let name = "layer workspace"
        normed = arena.take(name, rows: length, columns: hidden)
        attended = arena.take(name, rows: length, columns: queries)
        let shared = (0..<2).map { _ in arena.takeShared(name, rows: length, columns: [hidden, queries]) }
        (middle, attendedGradient) = (shared[0][0], shared[0][1])
        (normedRows, projectedQuery) = (shared[1][0], shared[1][1])
    }
}

/// What a decoder layer computes on its way and its backward reads again: buffers for T tokens.
///
/// One set serves all layers; what is kept of a layer has buffers of its own. The last layer's activations are still in
/// the shared set when the backward begins, so it needs none.
struct LayerActivations {
    /// Input after the first norm [T, hidden], until `feedForwardInput` takes its place, and its reciprocal deviations
    /// [1, T].
    private(set) var attentionInput, attentionRstd: Matrix
    /// Projections before the rotation, [T, heads * headDimension]; where there is no per-head norm they are
    /// rotated in place, and `query` and `key` are the same buffers.
    private(set) var projectedQuery, projectedKey: Matrix
    /// Reciprocal deviations of the per-head norms [1, T * heads], nil without them.
    private(set) var queryRstd, keyRstd: Matrix?
    /// Normed and rotated [T, heads * headDimension].
    private(set) var query, key: Matrix
    private(set) var value: Matrix
    /// Output of the attention [T, heads * headDimension] and log-sum-exp of its rows [heads, T].
    private(set) var attended, logSumExp: Matrix
    /// The residual stream between attention and feed-forward part [T, hidden].
    private(set) var middle: Matrix
    /// `middle` after the second norm and its reciprocal deviations.
    private(set) var feedForwardInput, feedForwardRstd: Matrix
    /// Gate and up projections: of all tokens when kept, else of one block of tokens.
    private(set) var gate, up: Matrix

    /// The set that layers share.
    /// - Parameter feedForwardRows: rows of `gate` and `up`.
    init(
        _ configuration: ModelConfiguration, _ workspace: LayerWorkspace, feedForwardRows: Int, arena: Arena
    ) {
        let sizes = Sizes(configuration), length = workspace.normed.rows
        func take(_ rows: Int, _ columns: Int) -> Matrix { arena.take("activations", rows: rows, columns: columns) }
        (attentionInput, feedForwardInput) = (workspace.normed, workspace.normed)
        attentionRstd = take(1, length)
        projectedQuery = workspace.projectedQuery
        projectedKey = take(length, sizes.keys)
        if configuration.queryKeyNorm {
            queryRstd = take(1, length * configuration.headCount)
            keyRstd = take(1, length * configuration.keyValueHeadCount)
            query = take(length, sizes.queries)
            key = take(length, sizes.keys)
        } else {
            query = projectedQuery
            key = projectedKey
        }
        value = take(length, sizes.keys)
        attended = workspace.attended
        logSumExp = take(configuration.headCount, length)
        middle = workspace.middle
        feedForwardRstd = take(1, length)
        gate = take(feedForwardRows, configuration.feedForwardSize)
        up = take(feedForwardRows, configuration.feedForwardSize)
    }

    /// The set of a pass that keeps nothing for gradients: what is no longer needed makes room for what comes next.
    /// - Parameters:
    ///   - stream: the residual stream [T, hidden], which the layers change in place.
    ///   - feedForwardRows: rows of `gate`, which becomes its product with `up`.
    init(_ configuration: ModelConfiguration, stream: Matrix, feedForwardRows: Int, arena: Arena) {
        let sizes = Sizes(configuration), length = stream.rows
        func take(_ rows: Int, _ columns: Int) -> Matrix { arena.take("activations", rows: rows, columns: columns) }
        middle = stream
        let shared = arena.takeShared("activations", rows: length, columns: [sizes.hidden, sizes.queries])
        (attentionInput, feedForwardInput, attended) = (shared[0], shared[0], shared[1])
        attentionRstd = take(1, length)
        feedForwardRstd = attentionRstd
        projectedQuery = take(length, sizes.queries)
        projectedKey = take(length, sizes.keys)
        (query, key) = (projectedQuery, projectedKey)
        if configuration.queryKeyNorm {
            queryRstd = take(1, length * configuration.headCount)
            keyRstd = take(1, length * configuration.keyValueHeadCount)
        }
        value = take(length, sizes.keys)
        logSumExp = take(configuration.headCount, length)
        gate = take(feedForwardRows, configuration.feedForwardSize)
        up = take(feedForwardRows, configuration.feedForwardSize)
    }

    /// The shared set with buffers of a layer's own for what is kept of it.
    func keeping(
        _ retention: Retention, _ configuration: ModelConfiguration, length: Int, arena: Arena
    ) -> LayerActivations {
        let sizes = Sizes(configuration)
        func take(_ rows: Int, _ columns: Int) -> Matrix {
            arena.take("kept activations", rows: rows, columns: columns)
        }
        var kept = self
        if retention >= .attention {
            kept.attended = take(length, sizes.queries)
            kept.logSumExp = take(configuration.headCount, length)
        }
        if retention >= .projections {
            kept.projectedQuery = take(length, sizes.queries)
            kept.projectedKey = take(length, sizes.keys)
            if !configuration.queryKeyNorm {
                kept.query = kept.projectedQuery
                kept.key = kept.projectedKey
            }
            kept.value = take(length, sizes.keys)
            kept.middle = take(length, sizes.hidden)
        }
        if retention >= .everything {
            kept.gate = take(length, configuration.feedForwardSize)
            kept.up = take(length, configuration.feedForwardSize)
        }
        return kept
    }

    private struct Sizes {
        let hidden, queries, keys: Int

        init(_ configuration: ModelConfiguration) {
            hidden = configuration.hiddenSize
            queries = configuration.headCount * configuration.headDimension
            keys = configuration.keyValueHeadCount * configuration.headDimension
        }
    }

    /// Moves the rows of the weighted tokens to the front of what the attention's backward reads of queries.
    func gatherQueries(_ tokens: WeightedTokens) {
        if tokens.isAll { return }
        tokens.gather([query, attended])
        let (heads, length) = (logSumExp.rows, logSumExp.columns)
        logSumExp.reshaped(rows: heads * length, columns: 1).gatherRows(
            (0..<heads).flatMap { head in tokens.rows.map { head * length + $0 } })
    }

    /// The same buffers, but keys and values of the tokens, [T, key/value heads * headDimension], go where they are kept.
    /// Nothing is kept for gradients: keys are normed in place.
    func storing(keys: Matrix, values: Matrix) -> LayerActivations {
        var result = self
        (result.projectedKey, result.key, result.value) = (keys, keys, values)
        return result
    }

    /// The same buffers for a shorter sequence.
    func prefix(_ length: Int, _ configuration: ModelConfiguration) -> LayerActivations {
        func rows(_ matrix: Matrix) -> Matrix { matrix.rows(0..<length) }
        func columns(_ matrix: Matrix, _ count: Int) -> Matrix { matrix.columns(0..<count) }
        var shorter = self
        shorter.attentionInput = rows(attentionInput)
        shorter.attentionRstd = columns(attentionRstd, length)
        shorter.projectedQuery = rows(projectedQuery)
        shorter.projectedKey = rows(projectedKey)
        shorter.queryRstd = queryRstd.map { columns($0, length * configuration.headCount) }
        shorter.keyRstd = keyRstd.map { columns($0, length * configuration.keyValueHeadCount) }
        shorter.query = rows(query)
        shorter.key = rows(key)
        shorter.value = rows(value)
        shorter.attended = rows(attended)
        let heads = configuration.headCount
        shorter.logSumExp = columns(logSumExp.reshaped(rows: 1, columns: logSumExp.count), heads * length)
            .reshaped(rows: heads, columns: length)
        shorter.middle = rows(middle)
        shorter.feedForwardInput = rows(feedForwardInput)
        shorter.feedForwardRstd = columns(feedForwardRstd, length)
        shorter.gate = gate.rows(0..<min(length, gate.rows))
        shorter.up = up.rows(0..<min(length, up.rows))
        return shorter
    }
}
