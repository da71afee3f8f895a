import LensSupport

/// Reads `NAME[:key=value,…]` into a rule and its canonical spelling.
enum SchemeParser {
    /// Every scheme with its keys in canonical order, as messages show them.
    static let schemes: [(name: String, keys: [String])] = [
        ("uniform", []), ("dense", ["lambda"]), ("sparse", ["kappa"]), ("longce", ["gamma"]),
        ("ppmi", ["shift", "kappa"]), ("npmi", ["shift", "kappa"]), ("rho", ["kappa"]), ("longfilter", []),
        ("exact", ["alpha", "gamma", "tau"]),
        (
            "pipeline",
            ["comparison", "transforms", "truncation", "sparsification", "normalization", "interpolation"]
        ),
    ]

    static func parse(_ spec: String) throws(LensError) -> (rule: WeightingScheme.Rule, description: String) {
        var settings = try SchemeSettings(spec)
        let rule: WeightingScheme.Rule
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
            rule = .pipeline(try pipeline(&settings))
        }
        return (rule, settings.canonical)
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

/// A number as short as it can be written: 5, 0.2.
func plain(_ number: Double) -> String {
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
