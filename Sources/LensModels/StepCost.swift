import LensFormats

/// The work of forward and backward of one training sequence, with all that its policy computes again.
package struct StepCost: Sendable, Equatable {
    package let forward, backward: WorkAmount

    /// - Parameter weighted: share of the tokens whose loss has a weight: the others cost nothing in the head, and
    ///   little in the last layer.
    package init(
        _ configuration: ModelConfiguration, length: Int, recompute: RecomputePolicy, weighted: Double = 1
    ) {
        let work = LayerWork(configuration, length: length)
        forward = Self.forward(work, recompute)
        backward = Self.backward(work, recompute, weighted)
    }

    /// The update that follows the sequences of a step.
    package static func update(_ configuration: ModelConfiguration, sequences: Int) -> WorkAmount {
        var amount = WorkAmount()
        amount[.update] = Double(configuration.parameterCount)
        amount[.check] = Double(sequences) * Double(configuration.parameterCount)
        return amount
    }

    /// Losses of the last `scored` tokens of a window of `length`, nothing kept for gradients.
    package static func scoring(_ configuration: ModelConfiguration, length: Int, scored: Int) -> WorkAmount {
        let work = LayerWork(configuration, length: length)
        var amount = WorkAmount()
        for layer in 0..<configuration.layerCount { amount += work.attention(layer) + work.feedForward() }
        // The stream is changed in place.
        amount[.copy] = 0
        amount[.headLosses] = work.head(Double(scored))
        return amount
    }

    private static func forward(_ work: LayerWork, _ recompute: RecomputePolicy) -> WorkAmount {
        var amount = WorkAmount()
        for layer in 0..<work.configuration.layerCount { amount += work.attention(layer) + work.feedForward() }
        amount[recompute.keepsLogits ? .headLogits : .headLosses] += work.head(work.tokens - 1)
        return amount
    }

    private static func backward(_ work: LayerWork, _ recompute: RecomputePolicy, _ weighted: Double) -> WorkAmount {
        let last = work.configuration.layerCount - 1
        var amount = WorkAmount()
        let predictions = weighted * (work.tokens - 1)
        if !recompute.keepsLogits { amount[.headLogits] = work.head(predictions) }
        amount[.headGradients] = 2 * work.head(predictions)
        var segment = recompute.inputs.segment(of: last)
        for layer in stride(from: last, through: 0, by: -1) {
            let kept = recompute.retention(of: layer)
            if recompute.inputs.segment(of: layer) != segment {
                segment = recompute.inputs.segment(of: layer)
                for again in segment..<layer { amount += work.attention(again) + work.feedForward() }
            }
            // The last layer's activations are still there.
            if layer < last { amount += work.attention(layer, kept: kept) } else { amount[.norm] += work.tokens }
            amount += work.backward(
                layer, recomputesFeedForward: kept < .everything, weighted: layer == last ? weighted : 1)
        }
        return amount
    }
}

/// The work of one layer on sequences of one length.
private struct LayerWork {
    let configuration: ModelConfiguration
    let tokens: Double
    private let length: Int
    private let hidden, queries, keys, feedForwardSize: Double

    init(_ configuration: ModelConfiguration, length: Int) {
        self.configuration = configuration
        self.length = length
        tokens = Double(length)
        hidden = Double(configuration.hiddenSize)
        queries = Double(configuration.headCount) * Double(configuration.headDimension)
        keys = Double(configuration.keyValueHeadCount) * Double(configuration.headDimension)
        feedForwardSize = Double(configuration.feedForwardSize)
    }

    func head(_ tokens: Double) -> Double { tokens * hidden * Double(configuration.vocabularySize) }

    /// Pairs of query and key under the layer's window, times the width of the queries.
    private func pairs(_ layer: Int) -> Double {
        // Two products of two operations each.
        Arithmetic.attentionFlops(
            length: length, heads: configuration.headCount, size: configuration.headDimension,
            window: configuration.attentionWindow(ofLayer: layer)) / 4
    }

    /// The attention part and the second norm, but for what is kept of them.
    func attention(_ layer: Int, kept: Retention = .input) -> WorkAmount {
        var amount = WorkAmount()
        amount[.norm] = tokens
        if kept < .attention { amount[.attention] = pairs(layer) }
        if kept < .projections {
            amount[.norm] += tokens
            amount[.attentionMaps] = tokens * 2 * hidden * (queries + keys)
            amount[.copy] = tokens
        }
        if kept < .projections || configuration.queryKeyNorm { amount[.rotation] = tokens }
        return amount
    }

    func feedForward() -> WorkAmount {
        var amount = WorkAmount()
        amount[.feedForwardMaps] = tokens * 3 * hidden * feedForwardSize
        amount[.activation] = tokens
        amount[.copy] = tokens
        return amount
    }

    func backward(_ layer: Int, recomputesFeedForward: Bool, weighted: Double) -> WorkAmount {
        let rows = weighted * tokens
        var amount = WorkAmount()
        if recomputesFeedForward { amount[.feedForwardMaps] = rows * 2 * hidden * feedForwardSize }
        let feedForward = rows * 3 * hidden * feedForwardSize
        (amount[.feedForwardMapsInput], amount[.feedForwardMapsWeight]) = (feedForward, feedForward)
        amount[.activation] = rows
        amount[.activationBackward] = rows
        let maps = 2 * hidden * (rows * queries + tokens * keys)
        (amount[.attentionMapsInput], amount[.attentionMapsWeight]) = (maps, maps)
        amount[.attentionBackward] = weighted * pairs(layer)
        amount[.rotationBackward] = tokens
        amount[.norm] = tokens
        amount[.normBackward] = 2 * tokens
        return amount
    }
}
