/// The order of the rows of query and key projections within each head.
///
/// Hugging Face rotates element i together with element i + D/2 (halves); Meta's original, llama2.c and GGUF's `llama`
/// rotate elements 2i and 2i + 1 (interleaved). The same model therefore has its rows in another order.
enum RotaryLayout {
    /// The row in the halves layout of row `row` in the interleaved layout, for heads of `headDimension` rows.
    static func halvesRow(ofInterleaved row: Int, headDimension: Int) -> Int {
        let inHead = row % headDimension
        return row - inHead + inHead % 2 * (headDimension / 2) + inHead / 2
    }

    /// Whether the rows of this parameter differ between the layouts.
    static func applies(to name: String) -> Bool {
        name.contains(".self_attn.q_proj.") || name.contains(".self_attn.k_proj.")
    }
}
