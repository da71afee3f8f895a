import LensTraining
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct ScheduleTests {
    private func rates(_ shape: LearningRateSchedule.Shape, warmup: Int, steps: Int) -> [Double] {
        let schedule = LearningRateSchedule(shape: shape, peak: 2, warmup: warmup, steps: steps)
        return (1...steps).map { schedule.rate(step: $0) }
    }

    @Test func warmUpRisesInEqualSteps() {
        #expect(rates(.constant, warmup: 4, steps: 6) == [0.5, 1, 1.5, 2, 2, 2])
        #expect(rates(.constant, warmup: 0, steps: 2) == [2, 2])
        #expect(rates(.constant, warmup: 10, steps: 2) == [2 * 0.1, 2 * 0.2])
    }

    @Test func linearFallsInEqualStepsAndNeverReachesZero() {
        // 4 updates after the full rate at 2: fifths.
        let expected = [1, 2, 1.6, 1.2, 0.8, 0.4]
        for (rate, value) in zip(rates(.linear, warmup: 2, steps: 6), expected) { #expect(abs(rate - value) < 1e-12) }
        #expect(rates(.linear, warmup: 0, steps: 4) == [2, 1.5, 1, 0.5])
        #expect(rates(.linear, warmup: 0, steps: 1) == [2])
    }

    @Test func cosineFollowsTheHalfWave() {
        let expected = [0.0, 0.25, 0.5, 0.75].map { 1 + cos(Double.pi * $0) }
        for (rate, value) in zip(rates(.cosine, warmup: 1, steps: 4), expected) { #expect(abs(rate - value) < 1e-12) }
    }
}
