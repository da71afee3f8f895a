import LensSupport

/// What `--scorer` means: who gives the losses under the short context.
package enum ScorerChoice: Equatable {
    /// None is needed.
    case none
    /// The model itself; in training with its weights at every update, the paper's unfrozen variant.
    case own
    /// Another model, as it is: in training the frozen one.
    case model(path: String)
    /// Losses computed before.
    case file(path: String)

    /// What `scorer` names, the model itself where it names nothing; a score file is told by what is in it.
    ///
    /// `.missing` when nothing is there; `.usage` for a context or stride beside a score file.
    package init(_ scorer: String?, context: Int?, stride: Int?) throws(LensError) {
        guard let scorer, scorer != "self" else {
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
        if isScores && (context != nil || stride != nil) {
            throw .usage(
                "--scorer-context and --scorer-stride do not apply to a score file: its losses are computed "
                    + "already. Remove them."
            )
        }
    }
}
