import LensFormats
import LensScoring
import LensSupport
import LensWeighting

/// What `--scorer` means: who gives the losses under the short context.
enum ScorerChoice: Equatable {
    /// The scheme needs none.
    case none
    /// The trained model itself, at every update: the paper's unfrozen variant.
    case own
    /// Another model, as it is: the frozen one.
    case model(path: String)
    /// Losses computed before.
    case file(path: String)

    /// Reads the setting; a score file is told by what is in it. `.usage` when it is given and the scheme would not use it; `.missing` when nothing is there.
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
        guard let scorer = settings.scorer, scorer != "self" else {
            self = .own
            return
        }
        guard Folders.exists(scorer) else {
            throw .missing(
                "The scorer \(scorer) does not exist. --scorer is self, a model, or a score file written by "
                    + "longlens score."
            )
        }
        let isScores = Folders.isFolder(scorer) ? false : try ScoreFormat.isScoreFile(scorer)
        self = isScores ? .file(path: scorer) : .model(path: scorer)
        if isScores && (settings.scorerContext != nil || settings.scorerStride != nil) {
            throw .usage(
                "--scorer-context and --scorer-stride do not apply to a score file: its losses are computed "
                    + "already. Remove them."
            )
        }
    }
}
