import LensFormats
import LensKernels

/// Every activation buffer of a training pass.
struct TrainingBuffers {
    /// The residual stream before each layer, and after the last one.
    let inputs: LayerInputs
    /// A layer's own buffers for what the policy keeps of it, for the rest one set that all layers share.
    private let activations: [LayerActivations]
    /// Product of gate and up of one block of tokens.
    let activated: Matrix
    /// Final normed hidden states, in the place of the last layer's, and their reciprocal deviations.
    let normed, rstd: Matrix
    /// The gradient of the final hidden states, and then of the residual stream from the last layer down to the embedding.
    let stream: Matrix
    let layerGradients: LayerGradients
    let head: LanguageModelHead
    let rotary: RotaryTable

    func activations(of layer: Int) -> LayerActivations { activations[layer] }

    init(
        _ configuration: ModelConfiguration, length: Int, recompute: RecomputePolicy, headWeight: Weights, arena: Arena
    ) {
        let hidden = configuration.hiddenSize
        let block = min(length, feedForwardBlock)
        inputs = LayerInputs(configuration, length: length, recompute, arena: arena)
        let workspace = LayerWorkspace(configuration, length: length, arena: arena)
        activations = Self.activations(configuration, workspace, recompute, block: block, arena)
        activated = arena.take("feed-forward block", rows: block, columns: configuration.feedForwardSize)
        normed = workspace.normed
        rstd = arena.take("final norm", rows: 1, columns: length)
        stream = arena.take("residual gradient", rows: length, columns: hidden)
        layerGradients = LayerGradients(configuration, workspace, activated: activated, arena: arena)
        head = LanguageModelHead(
            configuration, weight: headWeight, length: length, trains: true, keepsLogits: recompute.keepsLogits,
            arena: arena)
        rotary = RotaryTable(configuration, length: length, arena: arena)
    }

    private static func activations(
        _ configuration: ModelConfiguration, _ workspace: LayerWorkspace, _ recompute: RecomputePolicy, block: Int,
        _ arena: Arena
    ) -> [LayerActivations] {
        let last = configuration.layerCount - 1, length = workspace.normed.rows
        let shared = LayerActivations(
            configuration, workspace,
            feedForwardRows: recompute.retention(of: last) < .everything ? block : length,
            arena: arena)
        let kept = (0..<last).map {
            shared.keeping(recompute.retention(of: $0), configuration, length: length, arena: arena)
        }
        return kept + [shared]
    }

    /// The same buffers for a shorter sequence.
    func prefix(_ length: Int, _ configuration: ModelConfiguration) -> TrainingBuffers {
        if length == inputs.output.rows { return self }
        return TrainingBuffers(self, length: length, configuration)
    }

    private init(_ whole: TrainingBuffers, length: Int, _ configuration: ModelConfiguration) {
        let rows = 0..<length
        inputs = whole.inputs.prefix(length)
        activations = whole.activations.map { $0.prefix(length, configuration) }
        activated = whole.activated
        normed = whole.normed.rows(rows)
        rstd = whole.rstd.columns(rows)
        stream = whole.stream.rows(rows)
        layerGradients = whole.layerGradients.prefix(length)
        head = whole.head
        rotary = whole.rotary
    }
}
