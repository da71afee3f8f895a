import LensModels
import LensSupport
import LensTraining
import Testing

@Suite struct MemoryTests {
    private let memory = TrainingMemory(tinyConfiguration, scorer: .own(contextLength: 64))

    private func total(_ length: Int, _ policy: RecomputePolicy) -> Int {
        memory.plan(contextLength: length, recompute: policy).byteCount
    }

    @Test func thePlanHoldsEveryPart() {
        let plan = memory.plan(contextLength: 256, recompute: .layerInputs)
        let names = Set(plan.summary.map(\.name))
        #expect(names.isSuperset(of: ["parameters", "gradients", "first moment", "second moment"]))
        #expect(names.contains { $0.hasPrefix("scorer ") })
        let frozen = TrainingMemory(
            tinyConfiguration, scorer: .model(tinyConfiguration, contextLength: 64), dataByteCount: 4096)
        let frozenPlan = frozen.plan(contextLength: 256, recompute: .layerInputs)
        #expect(frozenPlan.byteCount == plan.byteCount + ParameterStore.byteCount(tinyConfiguration) + 4096)
        #expect(
            TrainingMemory(tinyConfiguration, scorer: .none).plan(contextLength: 256, recompute: .layerInputs).byteCount
                < plan.byteCount)
    }

    @Test func theFastestPolicyThatFitsIsChosen() throws {
        for (policy, next) in zip(RecomputePolicy.fastestFirst, [RecomputePolicy.attention, .layerInputs, nil]) {
            let need = total(512, policy)
            #expect(try memory.choose(contextLength: 512, limit: need).policy == policy)
            guard let next else { continue }
            #expect(total(512, next) < need)
            #expect(try memory.choose(contextLength: 512, limit: need - 1).policy == next)
        }
    }

    @Test func theLongestContextFitsAndTheNextDoesNot() throws {
        let limit = total(1000, .layerInputs)
        let longest = memory.longestContext(limit: limit)
        #expect(longest == 960)
        #expect(total(longest, .layerInputs) <= limit && total(longest + 64, .layerInputs) > limit)
        let error = lensError { _ = try memory.choose(contextLength: 4096, limit: limit) }
        #expect(error?.kind == .machine && error?.message.contains("longest context that fits is 960") == true)
        let none = lensError { _ = try memory.choose(contextLength: 4096, limit: 1 << 20) }
        #expect(none?.message.contains("No context fits") == true)
        #expect(memory.longestContext(limit: 1 << 20) == 0)
    }
}
