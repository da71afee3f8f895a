/// What the products of a model are computed in.
public enum Compute: String, CaseIterable, Sendable {
    /// The fastest whose mean loss stays within 0.01 of fp32's: int8 for quantized weights, else f32.
    case auto
    /// fp32, quantized weights made fp32 first: exact to rounding.
    case f32
    /// Integer products of quantized weights with inputs quantized to 8 bits; other weights are computed with in fp32.
    case int8
    /// Not there yet.
    case bf16
}
