import CLongLens
import LensSupport

extension Runtime {
    /// Causal attention with grouped heads, block by block (FlashAttention-2, arXiv 2307.08691).
    ///
    /// `query`, `output` [T, heads * size]; `key`, `value` [T, keyValueHeads * size]; `logSumExp` [heads, T]. Scores are
    /// scaled by 1 / √size unless `scale` says otherwise.
    ///
    /// - Parameters:
    ///   - spans: sequences within which tokens see each other, each with the bits that it has alone; nil for one.
    ///   - window: keys that a query sees, the last ones up to its own; nil for all. The work is in proportion.
    ///   - inBF16: round what is multiplied to bf16 where the machine has instructions for it; sums stay fp32.
    package func attention(
        query: Matrix, key: Matrix, value: Matrix, heads: Int, keyValueHeads: Int, spans: RowSpans? = nil,
        window: Int? = nil, scale: Float? = nil, inBF16: Bool = false, into output: Matrix, logSumExp: Matrix
    ) throws(LensError) {
        let shape = attentionShape(query, key, value, heads, keyValueHeads, window, scale)
        precondition(key.rows == query.rows && output.rows == query.rows && output.columns == query.columns)
        precondition(logSumExp.count == heads * query.rows)
        precondition(spans == nil || spans?.rows == query.rows)
        try unsafe run(over: spans) { context, spans in
            unsafe lens_attention_forward(
                context, shape, spans, inBF16 ? LENS_ARITHMETIC_BF16 : LENS_ARITHMETIC_F32, query.pointer, key.pointer,
                value.pointer, output.pointer, logSumExp.pointer)
        }
    }

    /// The same of the queries of the last tokens alone: `query`, `output` [n, heads * size] are of the last n tokens of
    /// `key` and `value` [T, keyValueHeads * size], `logSumExp` [heads, n]. Each has the bits that it has where all tokens
    /// have a query.
    package func attentionOfLast(
        query: Matrix, key: Matrix, value: Matrix, heads: Int, keyValueHeads: Int, window: Int? = nil,
        scale: Float? = nil, inBF16: Bool = false, into output: Matrix, logSumExp: Matrix
    ) throws(LensError) {
        let shape = attentionShape(query, key, value, heads, keyValueHeads, window, scale)
        precondition(query.rows <= key.rows && output.rows == query.rows && output.columns == query.columns)
        precondition(logSumExp.count == heads * query.rows)
        let one = unsafe lens_spans(count: 0, bounds: nil)
        try unsafe run { context in
            unsafe lens_attention_forward_last(
                context, shape, one, query.rows, one, inBF16 ? LENS_ARITHMETIC_BF16 : LENS_ARITHMETIC_F32,
                query.pointer, key.pointer, value.pointer, output.pointer, logSumExp.pointer)
        }
    }

    /// The same of the query of the last token: `query`, `output` [1, heads * size]. The heads of a group read their keys
    /// and values once, and long stretches of keys are divided among the threads; sums are in an order of their own, so
    /// that bits are not those of the other functions, but the same for any number of threads.
    package func decodeAttention(
        query: Matrix, key: Matrix, value: Matrix, heads: Int, keyValueHeads: Int, window: Int? = nil,
        scale: Float? = nil, into output: Matrix
    ) throws(LensError) {
        let shape = attentionShape(query, key, value, heads, keyValueHeads, window, scale)
        precondition(query.rows == 1 && key.rows > 0 && output.count == query.count)
        try unsafe run { context in
            unsafe lens_attention_decode(
                context, shape, query.pointer, key.pointer, value.pointer, output.pointer)
        }
    }

    /// The gradients of ``attention(query:key:value:heads:keyValueHeads:spans:window:scale:inBF16:into:logSumExp:)``, overwritten,
    /// from what it was given and gave. `delta` [heads, rows] is scratch; `queryGradient` may be `output`.
    ///
    /// - Parameters:
    ///   - spans: sequences within which tokens see each other, each with the bits that it has alone; nil for one.
    ///   - window: keys that a query sees, the last ones up to its own; nil for all.
    ///   - positions: the tokens, ascending, whose rows `query`, `output`, `outputGradient`, `queryGradient` and
    ///     `logSumExp` hold, where only they have an output gradient; nil when all do.
    package func attentionBackward(
        query: Matrix, key: Matrix, value: Matrix, output: Matrix, logSumExp: Matrix, outputGradient: Matrix,
        heads: Int, keyValueHeads: Int, spans: RowSpans? = nil, window: Int? = nil, scale: Float? = nil,
        positions: [Int]? = nil, delta: Matrix, queryGradient: Matrix, keyGradient: Matrix, valueGradient: Matrix
    ) throws(LensError) {
        let shape = attentionShape(query, key, value, heads, keyValueHeads, window, scale)
        precondition(
            output.count == query.count && outputGradient.count == query.count && queryGradient.count == query.count)
        precondition(keyGradient.count == key.count && valueGradient.count == value.count)
        precondition(logSumExp.count == heads * query.rows && delta.count == heads * query.rows)
        precondition(spans == nil || spans?.rows == key.rows)
        if let positions {
            precondition(positions.count == query.rows && zip(positions, positions.dropFirst()).allSatisfy(<))
            precondition((positions.first ?? 0) >= 0 && (positions.last ?? -1) < key.rows)
        } else {
            precondition(query.rows == key.rows)
        }
        try unsafe run(over: spans) { context, spans in
            func backward(_ positions: UnsafePointer<Int>?) -> lens_status {
                unsafe lens_attention_backward(
                    context, shape, spans, lens_attention_queries(count: query.rows, positions: positions),
                    query.pointer, key.pointer, value.pointer, output.pointer, logSumExp.pointer,
                    outputGradient.pointer, delta.pointer, queryGradient.pointer, keyGradient.pointer,
                    valueGradient.pointer)
            }
            guard let positions else { return backward(nil) }
            return unsafe positions.withUnsafeBufferPointer { unsafe backward($0.baseAddress) }
        }
    }
}

private func attentionShape(
    _ query: Matrix, _ key: Matrix, _ value: Matrix, _ heads: Int, _ keyValueHeads: Int, _ window: Int?,
    _ scale: Float?
) -> lens_attention_shape {
    precondition(heads > 0 && keyValueHeads > 0 && heads % keyValueHeads == 0 && query.columns % heads == 0)
    let size = query.columns / heads
    precondition(window.map { $0 > 0 } ?? true, "a query sees its own key at least")
    precondition(key.rows == value.rows && key.columns == keyValueHeads * size && value.columns == key.columns)
    return lens_attention_shape(
        T: key.rows, NH: heads, NKV: keyValueHeads, HS: size, scale: scale ?? 1 / Float(size).squareRoot(),
        window: window ?? 0)
}
