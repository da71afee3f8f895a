import LensData
import LensKernels
import LensModels

/// Follows a run: the command line tool prints what it is told here. Called on the thread of the run.
public protocol TrainingObserver: AnyObject {
    /// Whether the machine is measured for a second or two before the run, to foretell the time of a step.
    var wantsStepTime: Bool { get }
    /// Before the first update.
    func trainingStarts(_ overview: TrainingOverview)
    /// Within an update of `steps`, at the beginning of each phase and as it goes on.
    func updateProgressed(_ progress: UpdateProgress, of steps: Int)
    /// After each update, of `steps`.
    func stepFinished(_ metrics: StepMetrics, of steps: Int)
    /// - Parameter step: updates done.
    func checkpointSaved(step: Int, path: String)
    /// The trained model is at `path`, a folder or a file.
    func modelSaved(path: String)
    /// Something that does not stop the run, and that its user should know: one paragraph.
    func warning(_ message: String)
}

extension TrainingObserver {
    public var wantsStepTime: Bool { false }
    public func trainingStarts(_ overview: TrainingOverview) {}
    public func updateProgressed(_ progress: UpdateProgress, of steps: Int) {}
    public func stepFinished(_ metrics: StepMetrics, of steps: Int) {}
    public func checkpointSaved(step: Int, path: String) {}
    public func modelSaved(path: String) {}
    public func warning(_ message: String) {}
}

/// What a run is about to do.
public struct TrainingOverview: Sendable {
    /// How far the run is that this one resumes; step 0 for a new one.
    public var position: TrainingPosition
    /// Updates of the whole run.
    public var steps: Int
    public var data: DataOverview
    public var parameterCount: Int
    /// The context that the model was made for, in tokens.
    public var trainedFor: Int
    /// The scheme with every setting spelled out.
    public var scheme: String
    /// True when no scorer was given and the scheme needs one.
    public var scorerIsDefault: Bool
    public var recompute: RecomputePolicy
    /// Every buffer of the run.
    public var memory: MemoryPlan
    /// Bytes that the run may take.
    public var memoryLimit: Int
    /// The disk that the inputs of layers are kept on; nil where memory suffices.
    public var spilling: Spilling?
    /// What a step will take, by a measurement of the machine just before; nil where the observer wants none.
    public var stepTime: StepTime?
    /// Bytes of a checkpoint.
    public var checkpointByteCount: Int
    /// The effective settings.
    public var settings: TrainingSettings
    /// What the run computes with.
    public var threads: Int
    public var instructionSet: InstructionSet

    /// Updates done before, by the run that this one resumes.
    public var stepsDone: Int { position.step }
    /// Sequences of the data.
    public var sequenceCount: Int { data.sequenceCount }

    /// The training documents and what becomes of their tokens.
    public struct DataOverview: Sendable {
        public var documentCount: Int
        public var tokenCount: Int
        public var sequenceCount: Int
        /// Documents too short to give a sequence, and their tokens.
        public var shortDocumentCount: Int
        public var shortTokenCount: Int
        /// Tokens at the ends of the other documents that no sequence holds.
        public var tailTokenCount: Int

        init(_ sequences: TrainingSequences) {
            documentCount = sequences.documentCount
            tokenCount = sequences.tokenCount
            sequenceCount = sequences.count
            shortDocumentCount = sequences.shortDocumentCount
            tailTokenCount = sequences.tailTokenCount
            shortTokenCount = sequences.droppedTokenCount - sequences.tailTokenCount
        }
    }
}
