import LensModels

/// Follows a run: the command line tool prints what it is told here. Called on the thread of the run.
public protocol TrainingObserver: AnyObject {
    /// Before the first update.
    func trainingStarts(_ overview: TrainingOverview)
    func stepFinished(_ metrics: StepMetrics, of steps: Int)
    func checkpointSaved(step: Int, path: String)
    func modelSaved(path: String)
    /// Something that does not stop the run, and that its user should know: one paragraph.
    func warning(_ message: String)
}

extension TrainingObserver {
    public func trainingStarts(_ overview: TrainingOverview) {}
    public func stepFinished(_ metrics: StepMetrics, of steps: Int) {}
    public func checkpointSaved(step: Int, path: String) {}
    public func modelSaved(path: String) {}
    public func warning(_ message: String) {}
}

/// What a run is about to do.
public struct TrainingOverview: Sendable {
    /// Updates done before, by the run that this one resumes.
    public var stepsDone: Int
    /// Updates of the whole run.
    public var steps: Int
    /// Sequences of the data.
    public var sequenceCount: Int
    public var parameterCount: Int
    public var recompute: RecomputePolicy
    /// Every buffer of the run.
    public var memory: MemoryPlan
    /// The effective settings.
    public var settings: TrainingSettings
}
