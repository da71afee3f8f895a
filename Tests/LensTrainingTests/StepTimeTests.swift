import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport
import LensTraining
import LensWeighting
import Testing

@Suite struct StepTimeTests {
    private let rates = MachineRates(Dictionary(uniqueKeysWithValues: WorkKind.allCases.map { ($0, 1e6) }))

    private func work(_ policy: RecomputePolicy = .all(.input)) -> StepWork {
        StepWork(tinyConfiguration, contextLength: 256, recompute: policy)
    }

    private func time(_ work: StepWork) throws -> StepTime { try work.time(rates, scorer: rates) }

    @Test func aStepIsItsSequencesAndOneUpdate() throws {
        var work = work()
        let one = try time(work)
        work.accumulate = 3
        let three = try time(work)
        let update = rates.seconds(StepCost.update(tinyConfiguration, sequences: 0))
        #expect(abs(three.seconds - update - 3 * (one.seconds - update)) < 1e-9 * three.seconds)
        #expect(abs(three.tokensPerSecond * three.seconds - 768) < 1e-6)
        #expect(one.scorerSeconds == 0)
    }

    @Test func theScorerTakesItsWindows() throws {
        var work = work()
        let without = try time(work)
        work.scorer = .own(contextLength: 64)
        work.scorerStride = 48
        // Windows end at 64, 112, 160, 208 and 256 tokens; the first one's losses are the long ones.
        let window = StepCost.scoring(tinyConfiguration, length: 64, scored: 48)
        #expect(try work.scorerWork() == window.times(4))
        let with = try time(work)
        #expect(abs(with.scorerSeconds - 4 * rates.seconds(window)) < 1e-9 * with.seconds)
        #expect(abs(with.seconds - without.seconds - with.scorerSeconds) < 1e-9 * with.seconds)
        work.scorer = .model(.f32(tinyConfiguration), contextLength: 64)
        #expect(try work.scorerWork() == StepCost.scoring(tinyConfiguration, length: 64, scored: 63) + window.times(4))
        // The last window ends with the sequence, and gives what is left.
        work.scorerStride = 40
        #expect(
            try work.scorerWork() == StepCost.scoring(tinyConfiguration, length: 64, scored: 63)
                + StepCost.scoring(tinyConfiguration, length: 64, scored: 40).times(4)
                + StepCost.scoring(tinyConfiguration, length: 64, scored: 32))
    }

    @Test func aDiskWorksBesideTheArithmetic() throws {
        var work = work()
        let cost = StepCost(tinyConfiguration, length: 256, recompute: .all(.input))
        let alone = try time(work)
        work.spilled = (1000, .init(written: 1e9, read: 1e9))
        #expect(try time(work) == alone)
        let forward = rates.seconds(cost.forward)
        work.spilled = (1000, .init(written: 1000 / (2 * forward), read: 1e9))
        let slow = try time(work).seconds
        #expect(abs(slow - alone.seconds - forward) < 1e-9 * slow)
    }

    @Test func aSparseSchemeSaysItsShare() throws {
        #expect(try WeightingScheme("sparse:kappa=0.2").weightedShare == 0.2)
        #expect(try WeightingScheme("uniform").weightedShare == 1)
        #expect(try WeightingScheme("dense:lambda=0.75").weightedShare == 1)
    }

    /// The measurement's memory is that of the run: no kernel takes more scratch than planned, and buffers are given back.
    @Test func theMeasurementStaysWithinThePlan() throws {
        let runtime = try Runtime(threads: 2)
        let before = runtime.counters
        var work = work()
        work.scorer = .model(.f32(tinyConfiguration), contextLength: 64)
        let time = try work.time(on: runtime)
        #expect(time.seconds > 0 && time.seconds.isFinite && time.scorerSeconds < time.seconds)
        #expect(time.measuredSeconds > 0)
        let scratch = TrainingMemory(tinyConfiguration, scorer: work.scorer, runtime: runtime)
            .plan(contextLength: 256, recompute: .all(.input)).summary.first { $0.name == "kernel scratch" }
        #expect(runtime.counters.scratchByteCount - before.scratchByteCount <= scratch?.byteCount ?? 0)
    }
}
