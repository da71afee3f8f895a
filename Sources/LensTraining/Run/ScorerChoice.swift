import LensScoring
import LensSupport
import LensWeighting

extension ScorerChoice {
    /// Reads the settings. `.usage` when a scorer is given and the scheme would not use it; `.missing` when nothing is there.
    init(_ settings: TrainingSettings, _ scheme: WeightingScheme) throws(LensError) {
        guard scheme.shortLosses == .required else {
            for (name, given) in [
                ("scorer", settings.scorer != nil), ("scorer-context", settings.scorerContext != nil),
                ("scorer-stride", settings.scorerStride != nil),
            ] where given {
                throw .usage(
                    "--\(name) is given, but the scheme \(settings.scheme) needs no short-context losses, so it "
                        + "would change nothing. Remove it, or choose another --scheme."
                )
            }
            self = .none
            return
        }
        try self.init(settings.scorer, context: settings.scorerContext, stride: settings.scorerStride)
    }
}
