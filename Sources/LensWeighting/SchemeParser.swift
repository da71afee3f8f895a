import LensSupport

extension WeightingScheme {
    /// Every scheme's name with the keys it takes, in canonical order.
    public static var forms: [(name: String, keys: [String])] { SchemeSettings.schemes }

    /// Reads a specification. Throws `.usage` for an unknown scheme, an unknown, repeated or malformed key, or a value
    /// outside its range; the message says what is valid.
    public init(_ spec: String) throws(LensError) {
        var settings = try SchemeSettings(spec)
        let rule: Rule
        switch settings.name {
        case "uniform":
            rule = .uniform
        case "dense":
            rule = .pipeline(
                Pipeline(transforms: [.absolute], interpolation: try settings.share("lambda", default: 0.75)))
        case "sparse":
            rule = .pipeline(
                Pipeline(transforms: [.absolute], sparsification: try settings.kappa("kappa", default: 0.2)))
        case "longce":
            rule = .pipeline(
                Pipeline(
                    transforms: [.minus, .exp], truncation: try settings.positive("gamma", default: 5),
                    normalization: .none))
        case "ppmi", "npmi":
            let shift = Transform.shift(try settings.positive("shift", default: 1))
            rule = .pipeline(
                Pipeline(
                    transforms: (settings.name == "ppmi" ? [.minus] : []) + [shift, .max],
                    sparsification: try settings.kappa("kappa")))
        case "rho":
            rule = .pipeline(Pipeline(sparsification: try settings.kappa("kappa", default: 0.6)))
        case "longfilter":
            rule = .longFilter
        case "exact":
            rule = .effectiveContext(
                EffectiveContext(
                    alpha: try settings.positive("alpha", default: 0.15),
                    gamma: try settings.positive("gamma", default: 0.5), tau: try settings.count("tau", default: 1024)))
        default:
            rule = .pipeline(try Self.pipeline(&settings))
        }
        self.init(rule: rule, description: settings.canonical)
    }

    private static func pipeline(_ settings: inout SchemeSettings) throws(LensError) -> Pipeline {
        let pipeline = Pipeline(
            comparison: try settings.choice("comparison", default: .difference),
            transforms: try settings.transforms("transforms"), truncation: try settings.positive("truncation"),
            sparsification: try settings.kappa("sparsification"),
            normalization: try settings.choice("normalization", default: .l1),
            interpolation: try settings.share("interpolation"))
        if pipeline.interpolation != nil && pipeline.normalization == .none {
            throw settings.error("interpolation has no effect without normalization; add normalization=l1 or softmax")
        }
        return pipeline
    }
}
