import LensFormats
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
        let plan = memory.plan(contextLength: 256, recompute: .all(.input))
        let names = Set(plan.summary.map(\.name))
        #expect(names.isSuperset(of: ["parameters", "gradients", "first moment", "second moment"]))
        #expect(names.contains { $0.hasPrefix("scorer ") })
        let frozen = TrainingMemory(
            tinyConfiguration, scorer: .model(tinyConfiguration, contextLength: 64), dataByteCount: 4096)
        let frozenPlan = frozen.plan(contextLength: 256, recompute: .all(.input))
        #expect(frozenPlan.byteCount == plan.byteCount + ParameterStore.byteCount(tinyConfiguration) + 4096)
        #expect(
            TrainingMemory(tinyConfiguration, scorer: .none).plan(contextLength: 256, recompute: .all(.input)).byteCount
                < plan.byteCount)
    }

    @Test func theFastestPolicyThatFitsIsChosen() throws {
        let policies = RecomputePolicy.leanestFirst(layerCount: tinyConfiguration.layerCount)
        #expect(policies.first == .all(.input) && policies.last == .fastest)
        for (policy, next) in zip(policies, policies.dropFirst()) {
            // The last layer has no buffers of its own: raising it alone takes nothing.
            #expect(total(512, policy) <= total(512, next))
            let chosen = try memory.choose(contextLength: 512, limit: total(512, next) - 1)
            #expect(chosen.plan.byteCount <= total(512, policy))
            #expect(try memory.choose(contextLength: 512, limit: total(512, next)).plan.byteCount == total(512, next))
        }
        #expect(try memory.choose(contextLength: 512, limit: .max).policy == .fastest)
    }

    @Test func theLongestContextFitsAndTheNextDoesNot() throws {
        let limit = total(1000, .all(.input))
        let longest = memory.longestContext(limit: limit)
        #expect(longest == 960)
        #expect(total(longest, .all(.input)) <= limit && total(longest + 64, .all(.input)) > limit)
        let error = lensError { _ = try memory.choose(contextLength: 4096, limit: limit) }
        #expect(error?.kind == .machine && error?.message.contains("longest context that fits is 960") == true)
        let none = lensError { _ = try memory.choose(contextLength: 4096, limit: 1 << 20) }
        #expect(none?.message.contains("No context fits") == true)
        #expect(memory.longestContext(limit: 1 << 20) == 0)
    }
}
