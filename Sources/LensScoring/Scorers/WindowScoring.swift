import LensData
import LensModels
import LensSupport

/// Scores sequences under a short context, window by window. Windows of several sequences are computed together, up to so
/// many tokens, since short ones do not fill the machine; they are computed, and sequences end, in the order in which they
/// came. What is held does not grow with the number of sequences.
package final class WindowScoring {
    /// What a model's pass gives: of each window the losses that are wanted. What it throws ends the scoring.
    package typealias Losses = (_ windows: [InferencePass.Window], _ part: WorkPart) throws(LensError) -> [[Float]]

    /// Called with the losses of each window, which follow those of the sequence's windows before.
    package var afterWindow: (TokenSequence, [Float]) throws(LensError) -> Void = { (_, _) throws(LensError) in }
    /// Called with all losses of each sequence: one fewer than there are tokens.
    package var afterSequence: (TokenSequence, WindowPlan, [Float]) throws(LensError) -> Void = {
        (_, _, _) throws(LensError) in
    }

    private let batch: Int
    private let bosToken: Int32?
    private let losses: Losses
    private var waiting: [Waiting] = []
    private var waitingTokens = 0
    /// Tokens of the sequences whose windows wait.
    private var heldTokens = 0
    private var added = (tokens: 0, sequences: 0)

    /// So many tokens of sequences are enough to hold, however few of them their last windows have.
    private static let holdLimit = 1 << 16

    private final class Job {
        let sequence: TokenSequence
        let plan: WindowPlan
        var losses: [Float]

        init(_ sequence: TokenSequence, _ plan: WindowPlan, known: [Float]) {
            (self.sequence, self.plan) = (sequence, plan)
            losses = known
            losses.reserveCapacity(sequence.tokens.count - 1)
        }
    }

    private struct Waiting {
        let job: Job
        let window: InferencePass.Window
        let part: WorkPart
        let isLast: Bool
    }

    /// - Parameters:
    ///   - batch: most tokens of windows that are computed together; a longer window is computed alone.
    ///   - bosToken: the model's beginning of sequence. Where a sequence begins with it, so does every window, in place of
    ///     the window's first token.
    package init(batch: Int, bosToken: Int32?, losses: @escaping Losses) {
        (self.batch, self.bosToken, self.losses) = (batch, bosToken, losses)
    }

    /// Adds the windows of a sequence, and computes what fills a pass. `.data` when a loss is not finite.
    ///
    /// - Parameters:
    ///   - plan: for the sequence's length.
    ///   - known: the losses of the first windows, which are not computed again.
    ///   - bytes: which of the input it is.
    package func add(
        _ sequence: TokenSequence, plan: WindowPlan, known: [Float] = [], bytes: Range<Double> = 0..<0
    ) throws(LensError) {
        let tokens = sequence.tokens
        precondition(tokens.count == plan.length, "the plan must be made for the sequence's length")
        guard let windowCount = plan.windowCount(ofLosses: known.count) else {
            preconditionFailure("the known losses must be those of whole windows")
        }
        let whole = WorkPart(
            document: sequence.document, sequence: sequence.index, longest: min(plan.context, plan.length),
            bytes: bytes,
            tokens: Double(added.tokens)..<Double(added.tokens + tokens.count),
            sequences: Double(added.sequences)..<Double(added.sequences + 1))
        added = (added.tokens + tokens.count, added.sequences + 1)
        let job = Job(sequence, plan, known: known)
        guard known.count < tokens.count - 1 else {
            // Its turn comes after what waits.
            try wait(Waiting(job: job, window: .init([]), part: whole.part(1..<1), isLast: true))
            return
        }
        let beginsWithBOS = bosToken != nil && tokens.first == bosToken
        for k in windowCount..<plan.count {
            let window = plan[k]
            var held = Array(tokens[window.tokens])
            if beginsWithBOS { held[0] = tokens[0] }
            let count = Double(plan.count)
            try wait(
                Waiting(
                    job: job,
                    window: .init(held, from: window.scored.lowerBound - window.tokens.lowerBound - 1),
                    part: whole.part(Double(k) / count..<Double(k + 1) / count), isLast: k == plan.count - 1))
        }
    }

    /// Counts a sequence of which nothing is to be computed, for telling progress.
    package func skip(_ sequence: TokenSequence) {
        added = (added.tokens + sequence.tokens.count, added.sequences + 1)
    }

    private func wait(_ next: Waiting) throws(LensError) {
        let count = max(1, next.window.tokens.count)
        if waitingTokens + count > batch { try finish() }
        if waiting.last?.job !== next.job { heldTokens += next.job.sequence.tokens.count }
        waiting.append(next)
        waitingTokens += count
        if next.isLast && heldTokens >= Self.holdLimit { try finish() }
    }

    /// Computes what waits.
    package func finish() throws(LensError) {
        guard let first = waiting.first, let last = waiting.last else { return }
        let windows = waiting
        (waiting, waitingTokens, heldTokens) = ([], 0, 0)
        let longest = windows.reduce(0) { max($0, $1.part.longest) }
        let losses = try self.losses(windows.map(\.window), first.part.through(last.part, longest: longest))
        for (next, scored) in zip(windows, losses) {
            let job = next.job
            precondition(scored.count == next.window.lossCount, "one loss for each prediction")
            for loss in scored {
                job.losses.append(loss)
                try checkFinite(loss, token: job.losses.count, of: job.sequence)
            }
            if !scored.isEmpty { try afterWindow(job.sequence, scored) }
            if next.isLast { try afterSequence(job.sequence, job.plan, job.losses) }
        }
    }

    /// What `work` gives. Before its error is thrown, what came before is computed, unless it is that of a stop.
    package func finishing<Result>(beforeErrorOf work: () throws(LensError) -> Result) throws(LensError) -> Result {
        do {
            return try work()
        } catch {
            if error.kind != .interrupted { try finish() }
            throw error
        }
    }
}

func checkFinite(_ loss: Float, token: Int, of sequence: TokenSequence? = nil) throws(LensError) {
    guard !loss.isFinite else { return }
    let place = sequence.map { " of sequence \($0.index) of document \"\($0.document)\"" } ?? ""
    throw .data("The model gives token \(token)\(place) the loss \(loss), which is not finite; is the model damaged?")
}
