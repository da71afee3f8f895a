import LensFormats
import LensSupport

/// The changes that a longer context makes to a model's configuration.
public struct ContextExtension: Sendable {
    public var contextLength: Int
    public var ropeTheta: Double?
    /// `TYPE:key=value,…`, as `--rope-scaling` takes it.
    public var ropeScaling: String?

    /// What is nil stays as the model has it.
    public init(contextLength: Int, ropeTheta: Double? = nil, ropeScaling: String? = nil) {
        self.contextLength = contextLength
        self.ropeTheta = ropeTheta
        self.ropeScaling = ropeScaling
    }

    /// Applies the changes; the saved model then states the context that it was trained for.
    public func apply(to configuration: inout ModelConfiguration) throws(LensError) {
        let trainedFor = configuration.contextLength
        if let ropeScaling {
            configuration.ropeScaling = try RopeOption.parse(
                ropeScaling, contextLength: contextLength, trainedFor: trainedFor)
            // They were another method's.
            configuration.ropeFrequencyFactors = nil
            configuration.ropeAttentionFactor = 1
        } else if ropeTheta != nil && configuration.ropeFrequencyFactors != nil {
            throw .usage(
                "The model brings fixed factors of its rotary frequencies, made for its own theta, so "
                    + "--rope-theta alone does not say what to do with them. Add --rope-scaling none to drop "
                    + "them, or another --rope-scaling to replace them."
            )
        }
        if let ropeTheta { configuration.ropeTheta = ropeTheta }
        // The formulas of `dynamic` and of `longrope` without factors count from the context length as it was.
        if !countsFromContextLength(configuration.ropeScaling) {
            configuration.contextLength = max(contextLength, trainedFor)
        }
    }

    private func countsFromContextLength(_ scaling: RopeScaling) -> Bool {
        switch scaling {
        case .dynamic: true
        case .longrope(_, _, let factor, let attentionFactor, _): factor == nil && attentionFactor == nil
        default: false
        }
    }

    /// A warning when the model, whose configuration is given unchanged, will see positions that it was never trained on,
    /// and nothing was said about them or not enough. A new theta is taken to be enough.
    package func warning(for configuration: ModelConfiguration) throws(LensError) -> String? {
        guard let warning = configuration.warning(contextLength: contextLength), ropeTheta == nil else { return nil }
        guard let ropeScaling else {
            return "\(warning) --rope-theta or --rope-scaling usually make it learn faster."
        }
        let trainedFor = configuration.contextLength
        let scaling = try RopeOption.parse(ropeScaling, contextLength: contextLength, trainedFor: trainedFor)
        if scaling == .none {
            return "\(warning) --rope-scaling with a factor, or --rope-theta, usually make it learn faster."
        }
        let reach = scaling.stretched(trainedFor)
        guard reach < contextLength else { return nil }
        return
            "A context of \(contextLength) tokens is past the \(reach) to which --rope-scaling \(ropeScaling) stretches the "
            + "\(trainedFor) that the model was made for: raise its factor."
    }
}
