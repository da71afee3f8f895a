import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport

/// The time that a step of a run will take: what there is to compute, counted, by the rates of this machine, measured.
public struct StepTime: Sendable, Equatable {
    /// Of the whole step.
    public let seconds: Double
    /// What the scorer has of them.
    public let scorerSeconds: Double
    /// T times the sequences of a step, by `seconds`.
    public let tokensPerSecond: Double
    /// What the measurement took.
    public let measuredSeconds: Double
}

/// What the time of a step depends on, beside the machine.
package struct StepWork: Sendable {
    package let configuration: ModelConfiguration
    package let contextLength: Int
    package let recompute: RecomputePolicy
    package var scorer = ScorerMemory.none
    /// From one of the scorer's windows to the next; nil for that of ``WindowPlan``.
    package var scorerStride: Int?
    /// Sequences of a step.
    package var accumulate = 1
    /// Share of the tokens whose loss has a weight.
    package var weighted = 1.0
    /// Bytes of a sequence's inputs that go to a disk, and its speed.
    package var spilled: (byteCount: Int, speed: SpillFile.Speed)?

    package init(_ configuration: ModelConfiguration, contextLength: Int, recompute: RecomputePolicy) {
        self.configuration = configuration
        self.contextLength = contextLength
        self.recompute = recompute
    }

    /// Measures the machine for a second or two. Takes less memory than the run does, and gives it back.
    ///
    /// `.machine` when there is no memory; `.usage` for a scorer's windows that cannot be.
    package func time(on runtime: Runtime) throws(LensError) -> StepTime {
        let rates = try MachineRates(
            measuring: .f32(configuration), length: contextLength, trains: true, on: runtime)
        guard case .model(let layout, let context) = scorer else { return try time(rates, scorer: rates) }
        let ofScorer = try MachineRates(
            measuring: layout, length: min(context, contextLength), trains: false, on: runtime)
        return try time(rates, scorer: ofScorer)
    }

    /// The same by known rates.
    package func time(_ rates: MachineRates, scorer scorerRates: MachineRates) throws(LensError) -> StepTime {
        let cost = StepCost(configuration, length: contextLength, recompute: recompute, weighted: weighted)
        var (forward, backward) = (rates.seconds(cost.forward), rates.seconds(cost.backward))
        if let spilled {
            // The disk works beside the arithmetic.
            forward = max(forward, Double(spilled.byteCount) / spilled.speed.written)
            backward = max(backward, Double(spilled.byteCount) / spilled.speed.read)
        }
        let count = Double(accumulate)
        let scoring = count * scorerRates.seconds(try scorerWork())
        let seconds =
            count * (forward + backward) + scoring
            + rates.seconds(StepCost.update(configuration, sequences: accumulate))
        var measured = rates.measuredSeconds
        if case .model = scorer { measured += scorerRates.measuredSeconds }
        return StepTime(
            seconds: seconds, scorerSeconds: scoring, tokensPerSecond: count * Double(contextLength) / seconds,
            measuredSeconds: measured)
    }

    /// Of one sequence of one document.
    package func scorerWork() throws(LensError) -> WorkAmount {
        switch scorer {
        case .none, .bytes: WorkAmount()
        // The losses of the first window are the long ones.
        case .own(let context): try windows(configuration, context: context, from: 1)
        case .model(let layout, let context): try windows(layout.configuration, context: context, from: 0)
        }
    }

    private func windows(
        _ configuration: ModelConfiguration, context: Int, from first: Int
    ) throws(LensError) -> WorkAmount {
        let plan = try WindowPlan(length: contextLength, context: context, stride: scorerStride)
        var sum = WorkAmount()
        guard plan.count > first else { return sum }
        // All but the first and the last are alike.
        func work(_ index: Int) -> WorkAmount {
            let window = plan[index]
            return StepCost.scoring(configuration, length: window.tokens.count, scored: window.scored.count)
        }
        if first == 0 { sum += work(0) }
        if plan.count > 2 { sum += work(1).times(Double(plan.count - 2)) }
        if plan.count > 1 { sum += work(plan.count - 1) }
        return sum
    }
}
