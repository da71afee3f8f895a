import LensFormats
import LensKernels
import LensModels
import LensSupport

/// AdamW with decoupled weight decay and bias correction (arXiv 1711.05101), over all parameters of a model.
public struct AdamW: Sendable {
    public var beta1: Double
    public var beta2: Double
    public var epsilon: Double
    /// For matrices; vectors (normalization weights and biases) are not decayed.
    public var weightDecay: Double
    /// Greatest global norm of the gradient; 0 does not clip.
    public var clip: Double

    /// The defaults are those of ``TrainingSettings``.
    public init(
        beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 0.01, clip: Double = 1
    ) {
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.clip = clip
    }

    /// The factor that brings a gradient of this global norm under `clip`: clip / (norm + 1e-6), as PyTorch has it.
    public func clipScale(norm: Double) -> Double { clip > 0 && norm > clip ? clip / (norm + 1e-6) : 1 }

    /// The global norm of the gradients: √ of the sum of all squares.
    package static func norm(_ gradients: ParameterStore, on runtime: Runtime) throws(LensError) -> Double {
        try runtime.sumOfSquares(gradients.all).squareRoot()
    }

    /// Update number `state.step + 1`: clips `gradients`, whose global norm is `norm`, and moves the parameters.
    package func update(
        _ state: TrainingState, gradients: ParameterStore, norm: Double, learningRate: Double, on runtime: Runtime
    ) throws(LensError) {
        precondition(gradients.configuration == state.parameters.configuration)
        state.step += 1
        let scale = clipScale(norm: norm)
        for description in gradients.descriptions {
            let name = description.name
            try runtime.adamW(
                parameters: state.parameters[name], gradients: gradients[name], firstMoments: state.firstMoment[name],
                secondMoments: state.secondMoment[name],
                settings: AdamWSettings(
                    learningRate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon,
                    weightDecay: description.decays ? weightDecay : 0),
                step: state.step, gradientScale: scale)
        }
    }
}
