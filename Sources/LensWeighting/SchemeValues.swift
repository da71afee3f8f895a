import LensSupport

/// Schemes as values. Each is checked and described as its specification is, and throws `.usage` for a value outside its
/// range; the formulas stand beside ``WeightingScheme``.
extension WeightingScheme {
    /// Plain cross-entropy.
    public static let uniform = WeightingScheme(rule: .uniform, description: "uniform")

    /// λ + (1 − λ) · n·|d| / Σ|d|, λ from 0 to 1.
    public static func dense(lambda: Double = 0.75) throws(LensError) -> WeightingScheme {
        try WeightingScheme("dense", [("lambda", plain(lambda))])
    }

    /// n / kept for the floor(κ·n) largest |d|, else 0; κ above 0 and at most 1.
    public static func sparse(kappa: Double = 0.2) throws(LensError) -> WeightingScheme {
        try WeightingScheme("sparse", [("kappa", plain(kappa))])
    }

    /// min(p_long / p_short, γ), γ above 0 (LongCE).
    public static func longCE(gamma: Double = 5) throws(LensError) -> WeightingScheme {
        try WeightingScheme("longce", [("gamma", plain(gamma))])
    }

    /// max(0, log(p_long / p_short) − log s), L1; with κ a mask of the largest.
    public static func ppmi(shift: Double = 1, kappa: Double? = nil) throws(LensError) -> WeightingScheme {
        try WeightingScheme("ppmi", [("shift", plain(shift)), ("kappa", kappa.map(plain))])
    }

    /// max(0, log(p_short / p_long) − log s), L1; with κ a mask of the largest.
    public static func npmi(shift: Double = 1, kappa: Double? = nil) throws(LensError) -> WeightingScheme {
        try WeightingScheme("npmi", [("shift", plain(shift)), ("kappa", kappa.map(plain))])
    }

    /// n / kept for the largest excess losses over a reference model's (Rho-1, arXiv 2404.07965).
    public static func rho(kappa: Double = 0.6) throws(LensError) -> WeightingScheme {
        try WeightingScheme("rho", [("kappa", plain(kappa))])
    }

    /// p_long · max(0, log(p_long / p_short)), L1 (LongFilter, arXiv 2510.25804).
    public static let longFilter = WeightingScheme(rule: .longFilter, description: "longfilter")

    /// By position alone, see ``EffectiveContext``.
    public static func exact(_ context: EffectiveContext = EffectiveContext()) throws(LensError) -> WeightingScheme {
        try WeightingScheme(
            "exact",
            [("alpha", plain(context.alpha)), ("gamma", plain(context.gamma)), ("tau", "\(context.tau)")])
    }

    /// Any pipeline.
    public static func pipeline(_ pipeline: Pipeline) throws(LensError) -> WeightingScheme {
        let transforms = pipeline.transforms.map(\.spelling).joined(separator: "+")
        return try WeightingScheme(
            "pipeline",
            [
                ("comparison", pipeline.comparison.rawValue), ("transforms", transforms.isEmpty ? nil : transforms),
                ("truncation", pipeline.truncation.map(plain)), ("sparsification", pipeline.sparsification.map(plain)),
                ("normalization", pipeline.normalization.rawValue),
                ("interpolation", pipeline.interpolation.map(plain)),
            ])
    }

    private init(_ name: String, _ settings: [(key: String, value: String?)]) throws(LensError) {
        let given = settings.compactMap { setting in setting.value.map { "\(setting.key)=\($0)" } }
        try self.init("\(name):\(given.joined(separator: ","))")
    }
}

extension Transform {
    /// As a specification has it.
    var spelling: String {
        switch self {
        case .absolute: "absolute"
        case .minus: "minus"
        case .exp: "exp"
        case .max: "max"
        case .shift(let s): "shift:\(plain(s))"
        }
    }
}
