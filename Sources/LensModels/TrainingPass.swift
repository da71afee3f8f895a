import LensFormats
import LensKernels
import LensSupport

/// Forward and backward of one sequence: losses first, then the gradient of any weighted sum of them.
///
/// Owns the memory of its activations, all of it taken before the first step.
package final class TrainingPass {
    package let model: TrainableModel
    package let runtime: Runtime
    private let weights: ModelParameters
    /// The longest sequence that fits.
    package let contextLength: Int
    package let recompute: RecomputePolicy
    private let gradients: ModelParameters
    private let scratch: KernelScratch
    private let layers: [DecoderLayer]
    private let buffers: TrainingBuffers
    private let inputStore: LayerInputStore
    private var rotary: RotaryTable
    private var tokens: [Int32] = []
    private var layout = SequenceLayout.one(1)

    /// - Parameters:
    ///   - gradients: where `backward` adds the gradients; of the model's configuration.
    ///   - spillFile: for a policy with inputs on disk, of at least ``spilledByteCount(_:contextLength:recompute:)``.
    /// `.machine` when there is no memory for `contextLength` tokens, `.usage` when the policy needs a file and there is none.
    package init(
        _ model: TrainableModel, gradients: ParameterStore, contextLength: Int, recompute: RecomputePolicy,
        spillFile: SpillFile? = nil, on runtime: Runtime = .shared
    ) throws(LensError) {
        precondition(gradients.configuration == model.configuration)
        guard contextLength > 1 else { throw .usage("Training needs at least 2 tokens, not \(contextLength).") }
        let plan = Self.plan(model.configuration, contextLength: contextLength, recompute: recompute)
        scratch = Self.scratch(model.configuration, contextLength: contextLength, on: runtime)
        try scratch.reserve()
        inputStore = try LayerInputStore(
            model.configuration, contextLength: contextLength, recompute: recompute, file: spillFile)
        let arena = try Arena(byteCount: plan.byteCount)
        self.model = model
        self.runtime = runtime
        weights = model.views
        self.contextLength = contextLength
        self.recompute = recompute
        self.gradients = ModelParameters(gradients)
        layers = weights.decoderLayers(model.configuration, on: runtime)
        buffers = TrainingBuffers(
            model.configuration, length: contextLength, recompute: recompute, headWeight: weights.head, arena: arena)
        rotary = buffers.rotary
    }

    /// The activation buffers of such a pass, without weights, gradients and optimizer.
    package static func plan(
        _ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy
    ) -> MemoryPlan {
        let arena = Arena.measuring()
        _ = TrainingBuffers(
            configuration, length: contextLength, recompute: recompute,
            headWeight: WeightLayout.f32(configuration).unbackedHead,
            arena: arena)
        return MemoryPlan(arena.buffers)
    }

    /// Bytes that such a pass puts into its file.
    package static func spilledByteCount(
        _ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy
    ) -> Int {
        LayerInputStore.fileByteCount(configuration, contextLength: contextLength, recompute: recompute)
    }

    /// What kernels take for such a pass and the update that follows.
    package static func scratch(
        _ configuration: ModelConfiguration, contextLength: Int, on runtime: Runtime
    ) -> KernelScratch {
        KernelScratch(.f32(configuration), length: contextLength, trains: true, on: runtime)
    }

    /// The losses of `tokens` under their whole context, T - 1 values; keeps what `backward` needs. Where a packed document
    /// begins, which nothing predicts, the loss is 0.
    ///
    /// - Parameters:
    ///   - tokens: from 2 to `contextLength`.
    ///   - layout: of so many tokens; nil for one document.
    ///   - progress: told after each layer what share of the layers is done.
    /// `.data` when a token lies outside the vocabulary; `.usage` for fewer or more tokens; `.io` when the file of the
    /// layers' inputs fails, or failed in the backward before.
    package func forward(
        _ tokens: [Int32], layout: SequenceLayout? = nil, progress: (Double) -> Void = { _ in }
    ) throws(LensError) -> [Float] {
        guard tokens.count > 1 && tokens.count <= contextLength else {
            throw .usage(
                "A sequence of \(tokens.count) tokens was given to a pass that takes from 2 to \(contextLength).")
        }
        try model.check(tokens)
        try inputStore.begin()
        let layout = layout ?? .one(tokens.count)
        precondition(layout.spans.rows == tokens.count, "a layout of so many tokens")
        (self.tokens, self.layout) = (tokens, layout)
        rotary.prepare(layout)
        let b = buffers.prefix(tokens.count, model.configuration)
        try embed(into: b.inputs[0])
        for (index, layer) in layers.enumerated() {
            inputStore.store(index, b.inputs)
            let a = b.activations(of: index)
            try layer.forwardAttention(b.inputs[index], a, rotary: rotary, spans: layout.attentionSpans)
            try inputStore.makeRoom(for: index + 1, b.inputs)
            try layer.forwardFeedForward(a, activated: b.activated, output: b.inputs[index + 1])
            progress(Double(index + 1) / Double(layers.count))
        }
        try inputStore.finishForward()
        try runtime.rmsNorm(
            b.inputs.output, weight: weights.finalNorm, epsilon: model.configuration.normEpsilon, into: b.normed,
            rstd: b.rstd)
        var losses = try b.head.forward(
            b.normed.rows(0..<tokens.count - 1), targets: Array(tokens.dropFirst()), on: runtime)
        for boundary in layout.boundaries { losses[boundary] = 0 }
        return losses
    }

    /// Adds to the gradients those of scale / N * sum over t of weights[t] * loss[t], for the sequence of the last `forward`
    /// and its N predictions: T less the number of documents. Weights where a document begins are not looked at. A token of
    /// weight 0 is as if its loss did not exist, and costs nothing in the head and little in the last layer. Once for each
    /// `forward`.
    ///
    /// - Parameters:
    ///   - leavesOut: false to compute tokens of weight 0 like all others, which gives the same bits later.
    ///   - progress: told after each layer what share of the layers is done.
    /// `.usage` unless there is one weight for each prediction. Where inputs of layers cannot be read from their file, they
    /// are computed again, and the next forward throws.
    package func backward(
        weights: [Float], scale: Float = 1, leavesOut: Bool = true, progress: (Double) -> Void = { _ in }
    ) throws(LensError) {
        guard !tokens.isEmpty && weights.count == tokens.count - 1 else {
            throw .usage(
                "\(weights.count) weights were given for a sequence of \(tokens.count) tokens: there is one for each "
                    + "prediction, after a forward pass.")
        }
        var weights = weights
        for boundary in layout.boundaries { weights[boundary] = 0 }
        guard layout.predictionCount > 0 else { return }
        let b = buffers.prefix(tokens.count, model.configuration)
        let factor = scale / Float(layout.predictionCount)
        let weighted = weights.indices.filter { !leavesOut || weights[$0] != 0 }
        try b.head.backward(
            b.normed, targets: Array(tokens.dropFirst()), coefficients: weights.map { $0 * factor },
            tokens: WeightedTokens(weighted, of: weights.count), hiddenGradient: b.stream,
            weightGradient: gradients.head.matrix, on: runtime)
        try runtime.rmsNormBackward(
            b.stream, x: b.inputs.output, weight: self.weights.finalNorm, rstd: b.rstd, into: b.stream,
            weightGradient: gradients.finalNorm)
        // Later tokens' losses reach a token through the last layer's keys and values alone.
        let all = WeightedTokens.all(tokens.count)
        let ofLast = leavesOut ? WeightedTokens(weighted, of: tokens.count) : all
        var segment = recompute.inputs.segment(of: layers.count - 1)
        inputStore.release(layers.count, b.inputs)
        for (index, layer) in layers.enumerated().reversed() {
            let a = b.activations(of: index)
            let kept = recompute.retention(of: index)
            if recompute.inputs.segment(of: index) != segment {
                segment = recompute.inputs.segment(of: index)
                try recomputeInputs(from: segment, to: index, b)
            }
            try restoreInput(index, b)
            let isLast = index == layers.count - 1
            // The last layer's activations are still there, but for those in whose place the final norm was.
            if isLast {
                try layer.normMiddle(a)
            } else {
                try layer.forwardAttention(
                    b.inputs[index], a, rotary: rotary, spans: layout.attentionSpans, kept: kept)
            }
            try layer.backward(
                stream: b.stream, input: b.inputs[index], a, rotary: rotary, spans: layout.attentionSpans,
                gradient: gradients.layers[index], scratch: b.layerGradients, recomputesFeedForward: kept < .everything,
                tokens: isLast ? ofLast : all)
            inputStore.release(index, b.inputs)
            progress(Double(layers.count - index) / Double(layers.count))
        }
        try runtime.embedBackward(b.stream, tokens: tokens, tableGradient: gradients.embedding.matrix)
    }

    /// Has the input of a layer in its buffer.
    private func restoreInput(_ index: Int, _ b: TrainingBuffers) throws(LensError) {
        if index == 0 { return try embed(into: b.inputs[0]) }
        do throws(LensError) {
            try inputStore.restore(index, b.inputs)
        } catch {
            // The gradients hold a part of this sequence's: it is finished, so that they are worth something.
            try recomputeInputs(from: 0, to: index, b)
            inputStore.roundLikeStored(index, b.inputs)
        }
    }

    private func embed(into input: Matrix) throws(LensError) {
        try runtime.embed(tokens, table: weights.embedding, into: input)
    }

    /// Computes the input of layer `last` and those before it from that of layer `first`.
    private func recomputeInputs(from first: Int, to last: Int, _ b: TrainingBuffers) throws(LensError) {
        if first == 0 { try embed(into: b.inputs[0]) }
        for index in first..<last {
            let a = b.activations(of: index)
            try layers[index].forwardAttention(b.inputs[index], a, rotary: rotary, spans: layout.attentionSpans)
            try layers[index].forwardFeedForward(a, activated: b.activated, output: b.inputs[index + 1])
        }
    }
}
