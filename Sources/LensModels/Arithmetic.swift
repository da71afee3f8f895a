import LensFormats

/// The arithmetic of a model, in floating-point operations: 2 per multiply-add, nothing recomputed counted.
package enum Arithmetic {
    /// One forward of `length` tokens: matrix products, attention's causal half, and the head.
    package static func forwardFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        productFlops(configuration, length: length)
            + attentionFlops(configuration, length: length)
    }

    /// One training step: products forward and twice that backward, attention forward and 2.5 times that backward.
    package static func trainingFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        3 * productFlops(configuration, length: length)
            + 3.5 * attentionFlops(configuration, length: length)
    }

    /// Of all layers' attention forward.
    private static func attentionFlops(_ configuration: ModelConfiguration, length: Int) -> Double {
        (0..<configuration.layerCount).reduce(0) {
            $0
                + attentionFlops(
                    length: length, heads: configuration.headCount, size: configuration.headDimension,
                    window: configuration.attentionWindow(ofLayer: $1))
        }
    }

    /// The causal half of one layer's attention forward, or what a window leaves of it.
    package static func attentionFlops(length: Int, heads: Int, size: Int, window: Int? = nil) -> Double {
        let all = Double(length) * Double(length)
        let cut = Double(length - min(length, window ?? length))
        return 2 * (all - cut * cut) * Double(heads) * Double(size)
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
