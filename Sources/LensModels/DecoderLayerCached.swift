import LensFormats
import LensKernels
import LensSupport

/// Attention of tokens to themselves and to those before them, whose keys and values are kept.
struct CachedAttention {
    /// Keys and values of all tokens, the new ones last, whose rows the layer fills.
    let context: KeysAndValues
    /// One token, by the kernel that is made for one; its sums are in another order.
    let decodes: Bool
}

extension DecoderLayer {
    /// Fills `a.attended` (and `a.logSumExp`, but where one token is decoded) from `a.query`.
    func attend(_ a: LayerActivations, spans: RowSpans?, cached: CachedAttention?) throws(LensError) {
        let (heads, keyValueHeads) = (configuration.headCount, configuration.keyValueHeadCount)
        guard let cached else {
            return try runtime.attention(
                query: a.query, key: a.key, value: a.value, heads: heads, keyValueHeads: keyValueHeads, spans: spans,
                window: window, inBF16: attendsInBF16, into: a.attended, logSumExp: a.logSumExp)
        }
        let (keys, values) = (cached.context.keys, cached.context.values)
        if cached.decodes {
            try runtime.decodeAttention(
                query: a.query, key: keys, value: values, heads: heads, keyValueHeads: keyValueHeads, window: window,
                into: a.attended)
        } else {
            try runtime.attentionOfLast(
                query: a.query, key: keys, value: values, heads: heads, keyValueHeads: keyValueHeads,
                window: window, inBF16: attendsInBF16, into: a.attended, logSumExp: a.logSumExp)
        }
    }
}
