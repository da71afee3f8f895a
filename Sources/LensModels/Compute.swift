/// What the products of a model are computed in.
public enum Compute: String, CaseIterable, Sendable {
    /// The fastest whose mean loss stays within 0.01 of fp32's: int8 for quantized weights, bf16 for those of 16 bits, else
    /// f32.
    case auto
    /// fp32, quantized weights made fp32 first: exact to rounding.
    case f32
    /// Integer products of quantized weights with inputs quantized to 8 bits; those of 16 bits are computed with in bf16,
    /// others in fp32.
    case int8
    /// Products of F16 and BF16 weights in bf16, summed in fp32; other weights are computed with in fp32. Without the
    /// processor's instructions for it, inputs stay fp32.
    case bf16
}
