import CLongLens
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What one AdamW step is done with. The defaults are PyTorch's.
package struct AdamWSettings: Sendable, Equatable {
    package var learningRate: Double
    package var beta1: Double
    package var beta2: Double
    package var epsilon: Double
    /// Decoupled: `p *= 1 - learningRate * weightDecay`.
    package var weightDecay: Double

    package init(
        learningRate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
        weightDecay: Double = 0.01
    ) {
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
    }
}

extension Runtime {
    /// One AdamW step (arXiv 1711.05101), bias-corrected, in place:
    /// `p -= learningRate * (m̂ / (sqrt(v̂) + epsilon) + weightDecay * p)`, as `torch.optim.AdamW` does.
    ///
    /// - Parameters:
    ///   - parameters, gradients, firstMoments, secondMoments: of equal count.
    ///   - step: number of this step, from 1.
    ///   - gradientScale: multiplies the gradient first (1 / accumulated sequences, clipping); the gradients themselves
    ///     stay as they are.
    package func adamW(
        parameters: Matrix, gradients: Matrix, firstMoments: Matrix, secondMoments: Matrix, settings: AdamWSettings,
        step: Int, gradientScale: Double = 1
    ) throws(LensError) {
        let count = parameters.count
        precondition(gradients.count == count && firstMoments.count == count && secondMoments.count == count)
        precondition(step >= 1, "steps are counted from 1")
        let factors = lens_adamw_settings(
            learning_rate: settings.learningRate, beta1: settings.beta1, beta2: settings.beta2,
            epsilon: settings.epsilon, weight_decay: settings.weightDecay, gradient_scale: gradientScale,
            correction1: 1 - pow(settings.beta1, Double(step)), correction2: 1 - pow(settings.beta2, Double(step)))
        try unsafe run { context in
            unsafe lens_adamw(
                context, count, factors, gradients.pointer, firstMoments.pointer, secondMoments.pointer,
                parameters.pointer)
        }
    }
}
