import LensFormats

/// The kinds of work that a step is made of; each has a rate of its own on a machine.
package enum WorkKind: CaseIterable, Sendable {
    /// Multiply-adds of the attention's four maps: forward, gradients of inputs, of weights.
    case attentionMaps, attentionMapsInput, attentionMapsWeight
    /// The same of gate, up and down.
    case feedForwardMaps, feedForwardMapsInput, feedForwardMapsWeight
    /// Multiply-adds of the head: losses alone, logits that are kept, and both of the gradients from them.
    case headLosses, headLogits, headGradients
    /// Pairs of query and key, times the width of all query heads.
    case attention, attentionBackward
    /// Tokens: one norm of the residual stream; what is done to queries and keys before the attention; a copy of the
    /// stream; the activation of the feed-forward part.
    case norm, rotation, copy, activation
    /// Tokens: the same backward.
    case normBackward, rotationBackward, activationBackward
    /// Parameters: gradients set to zero, their norm, AdamW; the search for gradients that are not finite.
    case update, check
}

/// How much there is to do of each kind of work. Counted from a configuration and what is kept of it, as the passes
/// compute; biases, the embedding and the final norm, below a hundredth of a layer, are left out.
package struct WorkAmount: Sendable, Equatable {
    private var amounts: [WorkKind: Double] = [:]

    package init() {}

    package subscript(kind: WorkKind) -> Double {
        get { amounts[kind, default: 0] }
        set { amounts[kind] = newValue }
    }

    package static func += (a: inout WorkAmount, b: WorkAmount) {
        a.amounts.merge(b.amounts, uniquingKeysWith: +)
    }

    package static func + (a: WorkAmount, b: WorkAmount) -> WorkAmount {
        var sum = a
        sum += b
        return sum
    }

    /// So many times as much.
    package func times(_ factor: Double) -> WorkAmount {
        var product = self
        product.amounts = amounts.mapValues { factor * $0 }
        return product
    }
}
