import LensFormats

/// The arithmetic of a model, in floating-point operations: 2 per multiply-add, nothing recomputed counted.
package enum Arithmetic {
    /// One forward of `length` tokens: matrix products, attention's causal half, and the head.
    package static func forwardFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        productFlops(configuration, length: length)
            + Double(configuration.layerCount)
            * attentionFlops(length: length, heads: configuration.headCount, size: configuration.headDimension)
    }

    /// One training step: products forward and twice that backward, attention forward and 2.5 times that backward.
    package static func trainingFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        3 * productFlops(configuration, length: length)
            + 3.5 * Double(configuration.layerCount)
            * attentionFlops(length: length, heads: configuration.headCount, size: configuration.headDimension)
    }

    /// The causal half of one layer's attention forward.
    package static func attentionFlops(length: Int, heads: Int, size: Int) -> Double {
        2 * Double(length) * Double(length) * Double(heads) * Double(size)
    }

    private static func productFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        let hidden = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headDimension
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        let layer = hidden * (2 * queries + 2 * keys + 3 * configuration.feedForwardSize)
        let weights = configuration.layerCount * layer + configuration.vocabularySize * hidden
        return 2 * Double(length) * Double(weights)
    }
}
