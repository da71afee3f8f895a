/// What a training pass keeps of each layer's forward for its backward; the rest is computed again.
///
/// Gradients have the same bits under every policy.
public enum RecomputePolicy: String, Sendable, CaseIterable, Codable {
    /// Each layer's input alone: the least memory.
    case layerInputs = "layer-inputs"
    /// And the attention's output and log-sum-exp: no attention is computed twice.
    case attention
    /// Everything: nothing is computed twice but the head's logits.
    case everything

    /// From the fastest to the leanest.
    public static var fastestFirst: [RecomputePolicy] { [.everything, .attention, .layerInputs] }
}
