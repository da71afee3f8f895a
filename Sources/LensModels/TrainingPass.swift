import LensFormats
import LensKernels
import LensSupport

/// Forward and backward of one sequence: losses first, then the gradient of any weighted sum of them.
///
/// Owns the memory of its activations, all of it taken before the first step.
public final class TrainingPass {
    public let model: LanguageModel
    /// The longest sequence that fits.
    public let contextLength: Int
    public let recompute: RecomputePolicy
    private let gradients: ModelParameters
    private let scratch: KernelScratch
    private let layers: [DecoderLayer]
    private let buffers: TrainingBuffers
    private var rotary: RotaryTable
    private var tokens: [Int32] = []

    /// - Parameter gradients: where `backward` adds the gradients; of the model's configuration.
    /// `.machine` when there is no memory for `contextLength` tokens, `.data` when they are more than the model's sliding
    /// window.
    public init(
        _ model: LanguageModel, gradients: ParameterStore, contextLength: Int, recompute: RecomputePolicy
    ) throws(LensError) {
        precondition(contextLength > 1 && gradients.configuration == model.configuration)
        try model.configuration.checkWindow(contextLength: contextLength, model: "The model")
        let plan = Self.plan(model.configuration, contextLength: contextLength, recompute: recompute)
        scratch = Self.scratch(model.configuration, contextLength: contextLength)
        try scratch.reserve()
        let arena = try Arena(byteCount: plan.byteCount)
        self.model = model
        self.contextLength = contextLength
        self.recompute = recompute
        self.gradients = ModelParameters(gradients)
        layers = model.layers
        buffers = TrainingBuffers(
            model.configuration, length: contextLength, recompute: recompute, headWeight: model.views.head, arena: arena
        )
        rotary = buffers.rotary
    }

    /// The activation buffers of such a pass, without weights, gradients and optimizer.
    public static func plan(
        _ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy
    ) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = TrainingBuffers(
            configuration, length: contextLength, recompute: recompute,
            headWeight: Matrix(unbackedRows: configuration.vocabularySize, columns: configuration.hiddenSize),
            arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// What kernels take for such a pass and the update that follows.
    public static func scratch(_ configuration: ModelConfiguration, contextLength: Int) -> KernelScratch {
        KernelScratch(configuration, length: contextLength, trains: true)
    }

    /// The losses of `tokens` under their whole context, T - 1 values; keeps what `backward` needs.
    ///
    /// - Parameters:
    ///   - tokens: from 2 to `contextLength`.
    ///   - progress: told after each layer what share of the layers is done.
    /// `.data` when a token lies outside the vocabulary.
    public func forward(
        _ tokens: [Int32], progress: (Double) -> Void = { _ in }
    ) throws(LensError) -> [Float] {
        precondition(tokens.count > 1 && tokens.count <= contextLength)
        try model.check(tokens)
        try scratch.reserve()  // another thread than before may be calling
        self.tokens = tokens
        rotary.prepare(length: tokens.count)
        let b = buffers.prefix(tokens.count, model.configuration)
        let rotary = rotary.prefix(tokens.count)
        embed(tokens, table: model.views.embedding, into: b.inputs[0])
        for (index, layer) in layers.enumerated() {
            let a = b.activations(of: index)
            layer.forwardAttention(b.inputs[index], a, rotary: rotary)
            layer.forwardFeedForward(a, activated: b.activated, output: b.inputs[index + 1])
            progress(Double(index + 1) / Double(layers.count))
        }
        rmsNorm(
            b.output, weight: model.views.finalNorm, epsilon: model.configuration.normEpsilon, into: b.normed,
            rstd: b.rstd)
        return b.head.forward(b.normed, tokens: tokens)
    }

    /// Adds to the gradients those of scale / (T - 1) * sum over t of weights[t] * loss[t], for the sequence of the
    /// last `forward`. A token of weight 0 is as if its loss did not exist, and costs nothing in the head and little in
    /// the last layer. Once for each `forward`.
    ///
    /// - Parameters:
    ///   - leavesOut: false to compute tokens of weight 0 like all others, which gives the same bits later.
    ///   - progress: told after each layer what share of the layers is done.
    public func backward(
        weights: [Float], scale: Float = 1, leavesOut: Bool = true, progress: (Double) -> Void = { _ in }
    ) {
        precondition(weights.count == tokens.count - 1, "one weight for each prediction")
        let b = buffers.prefix(tokens.count, model.configuration)
        let rotary = rotary.prefix(tokens.count)
        let factor = scale / Float(weights.count)
        let weighted = weights.indices.filter { !leavesOut || weights[$0] != 0 }
        b.head.backward(
            b.normed, targets: Array(tokens.dropFirst()), coefficients: weights.map { $0 * factor },
            tokens: WeightedTokens(weighted, of: weights.count), hiddenGradient: b.normedGradient,
            weightGradient: gradients.head)
        rmsNormBackward(
            b.normedGradient, x: b.output, weight: model.views.finalNorm, rstd: b.rstd, into: b.stream,
            weightGradient: gradients.finalNorm)
        // Later tokens' losses reach a token through the last layer's keys and values alone.
        let all = WeightedTokens.all(tokens.count)
        let ofLast = leavesOut ? WeightedTokens(weighted, of: tokens.count) : all
        for (index, layer) in layers.enumerated().reversed() {
            let a = b.activations(of: index)
            let kept = recompute.retention(of: index)
            let isLast = index == layers.count - 1
            // The last layer's activations are still there.
            if !isLast { layer.forwardAttention(b.inputs[index], a, rotary: rotary, kept: kept) }
            layer.backward(
                stream: b.stream, input: b.inputs[index], a, rotary: rotary, gradient: gradients.layers[index],
                scratch: b.layerGradients, recomputesFeedForward: kept < .everything,
                tokens: isLast ? ofLast : all)
            progress(Double(layers.count - index) / Double(layers.count))
        }
        embedBackward(b.stream, tokens: tokens, tableGradient: gradients.embedding)
    }
}
