import LensData
import LensFormats
import LensKernels
import LensModels
import LensSupport

/// Gives the losses of a sequence's tokens under the short context, with which a ``WeightingScheme`` compares those under
/// the long one (Helm, Daheim and Gurevych, Findings of NAACL 2025).
public protocol Scorer: AnyObject {
    /// One loss (nats) for each of `long`.
    ///
    /// - Parameters:
    ///   - long: the losses of the same predictions under the whole context and the trained model's current weights.
    ///   - progress: told what share of the work is done, where it takes time.
    func losses(
        of sequence: TokenSequence, long: [Float], progress: (Double) -> Void
    ) throws(LensError) -> [Float]

    /// Called before a run with all of its sequences; throws `.data` where one cannot be scored.
    func check(_ sequences: TrainingSequences) throws(LensError)

    /// Tells one scorer from another: two of the same fingerprint give the same losses. A resumed run checks it.
    var fingerprint: String { get }

    /// What it holds beside the trained model.
    var memory: ScorerMemory { get }
}

extension Scorer {
    public func check(_ sequences: TrainingSequences) throws(LensError) {}
}

/// The memory of a scorer, known before it is made.
public enum ScorerMemory: Sendable {
    /// None, or what its file's index takes.
    case none
    /// Windows of at most so many tokens under the trained model.
    case own(contextLength: Int)
    /// Another model, and its windows.
    case model(WeightLayout, contextLength: Int)
    /// So many bytes.
    case bytes(Int)

    /// The buffers, for sequences of `length` tokens.
    ///
    /// - Parameter trained: the model in training.
    package func buffers(beside trained: ModelConfiguration, length: Int) -> [PlannedBuffer] {
        func named(_ buffers: [PlannedBuffer]) -> [PlannedBuffer] {
            buffers.map { PlannedBuffer(name: "scorer " + $0.name, byteCount: $0.byteCount) }
        }
        func windows(_ layout: WeightLayout) -> [PlannedBuffer] {
            let (contextLength, batch) = passSize(length: length)
            return named(InferencePass.plan(layout, contextLength: contextLength, batch: batch).buffers)
        }
        return switch self {
        case .none: []
        case .own: windows(.f32(trained))
        case .model(let layout, _): named(layout.buffers) + windows(layout)
        case .bytes(let count): [PlannedBuffer(name: "scorer", byteCount: count)]
        }
    }

    /// What kernels take for another model's windows; the trained model's own take less than its training does.
    package func scratch(length: Int, on runtime: Runtime) -> KernelScratch {
        guard case .model(let layout, _) = self else { return KernelScratch(runtime) }
        let (contextLength, batch) = passSize(length: length)
        return InferencePass.scratch(layout, contextLength: contextLength, batch: batch, on: runtime)
    }

    /// Of the pass over windows of sequences of `length` tokens.
    private func passSize(length: Int) -> (contextLength: Int, batch: Int) {
        switch self {
        case .own(let context), .model(_, let context):
            (min(context, length), WindowPlan.batch(context: context, length: length))
        case .none, .bytes: (0, 0)
        }
    }

    /// Bytes while weights are read beside the trained model's.
    package var loadingByteCount: Int {
        guard case .model(let layout, _) = self else { return 0 }
        return layout.loadingByteCount
    }
}
