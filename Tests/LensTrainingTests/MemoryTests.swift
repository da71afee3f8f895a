import LensFormats
import LensKernels
import LensModels
import LensScoring
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
            tinyConfiguration, scorer: .model(.f32(tinyConfiguration), contextLength: 64), dataByteCount: 4096)
        let frozenPlan = frozen.plan(contextLength: 256, recompute: .all(.input))
        #expect(frozenPlan.byteCount == plan.byteCount + ParameterStore.byteCount(tinyConfiguration) + 4096)
        #expect(
            TrainingMemory(tinyConfiguration, scorer: .none).plan(contextLength: 256, recompute: .all(.input)).byteCount
                < plan.byteCount)
    }

    @Test func everyThreadIsPlanned() throws {
        func plan(_ threads: Int) throws -> MemoryPlan {
            TrainingMemory(tinyConfiguration, scorer: .none, runtime: try Runtime(threads: threads)).plan(
                contextLength: 256, recompute: .all(.input))
        }
        func scratch(_ plan: MemoryPlan) -> Int { plan.summary.first { $0.name == "kernel scratch" }?.byteCount ?? 0 }
        let one = try plan(1), many = try plan(64)
        #expect(scratch(one) > 0)
        let each = scratch(try plan(3)) - scratch(try plan(2))
        #expect(each > 0 && scratch(many) == scratch(one) + 63 * each)
        #expect(many.byteCount > one.byteCount + 63 * each)
    }

    @Test func aStepTakesNoMoreScratchThanPlanned() throws {
        let runtime = try Runtime(threads: 3)
        let model = try TrainableModel(randomWeightsOf: tinyConfiguration, seed: 1)
        let gradients = try ParameterStore(tinyConfiguration)
        let pass = try TrainingPass(
            model, gradients: gradients, contextLength: 200, recompute: .all(.input), on: runtime)
        let inference = try InferencePass(model, contextLength: 200, on: runtime)
        let held = runtime.counters
        let tokens = (0..<200).map { Int32($0 * 7 % tinyConfiguration.vocabularySize) }
        for kept in [1, 2, 50] {
            _ = try pass.forward(tokens)
            try pass.backward(weights: (0..<199).map { $0 % kept == 0 ? 1 : 0 })
            _ = try AdamW.norm(gradients, on: runtime)
            _ = try inference.losses(Array(tokens.prefix(10 * kept)))
        }
        #expect(held.scratchByteCount > 0 && runtime.counters.scratchByteCount == held.scratchByteCount)
        #expect(runtime.counters.scratchGrowths == held.scratchGrowths)
    }

    @Test func whatReadingTookIsPlanned() throws {
        let large = TrainingMemory(tinyConfiguration, scorer: .none, peakBefore: 1 << 30)
        #expect(large.plan(contextLength: 64, recompute: .all(.input)).byteCount == 1 << 30)
        let error = lensError { _ = try large.choose(contextLength: 64, limit: (1 << 30) - 1) }
        #expect(error?.kind == .machine && error?.message.contains("tokenizing the documents took 1.0 GiB") == true)
        #expect(try large.choose(contextLength: 64, limit: 1 << 30).memory.byteCount == 1 << 30)
    }

    @Test func contextsBeyondAllMemoryArePlannedWithoutOverflow() {
        let plan = TrainingMemory(tinyConfiguration, scorer: .none).plan(
            contextLength: greatestCount, recompute: .fastest)
        #expect(plan.byteCount > 1 << 40)
        #expect(InferencePass.plan(.f32(tinyConfiguration), contextLength: .max).byteCount == .max)
        #expect(SystemMemory.available > 0 && SystemMemory.resident > 1 << 20)
        #expect(SystemMemory.resident <= SystemMemory.peakResident)
    }

    @Test func aPassGrowsByNeedToTheSameBits() throws {
        let model = try LanguageModel(randomWeightsOf: tinyConfiguration, seed: 1)
        let whole = try InferencePass(model, contextLength: 600)
        let growing = try InferencePass(model, contextLength: greatestCount, grows: true)
        let tokens = (0..<600).map { Int32($0 * 7 % tinyConfiguration.vocabularySize) }
        for length in [2, 300, 10, 301, 600] {
            let part = Array(tokens.prefix(length))
            #expect(try growing.losses(part) == whole.losses(part), "\(length) tokens")
        }
    }

    @Test func theFastestPolicyThatFitsIsChosen() throws {
        let policies = memory.policies
        #expect(policies.contains(.all(.input)) && policies.last == .fastest)
        for (policy, next) in zip(policies, policies.dropFirst()) {
            // The last layer has no buffers of its own: raising it alone takes nothing.
            #expect(total(512, policy) <= total(512, next))
            let chosen = try memory.choose(contextLength: 512, limit: total(512, next) - 1)
            #expect(chosen.memory.byteCount <= total(512, policy))
            #expect(try memory.choose(contextLength: 512, limit: total(512, next)).memory.byteCount == total(512, next))
        }
        #expect(try memory.choose(contextLength: 512, limit: .max).recompute == .fastest)
    }

    private static let deep = ModelConfiguration(
        vocabularySize: 64, hiddenSize: 16, feedForwardSize: 24, layerCount: 12, headCount: 2, keyValueHeadCount: 1,
        headDimension: 8, contextLength: 512)

    private func deep(spills: Bool, _ type: LayerInputType = .f32) -> TrainingMemory {
        TrainingMemory(Self.deep, scorer: .none, spills: spills, layerInputs: type)
    }

    @Test func segmentsAndADiskTakeLess() throws {
        let inputs = deep(spills: false).plan(contextLength: 4096, recompute: .all(.input)).byteCount
        let segments = deep(spills: false).leanestPlan(contextLength: 4096)
        let disk = deep(spills: true).leanestPlan(contextLength: 4096)
        let row = 4096 * 16 * 4
        // Of 12 inputs 6 or 2 are in memory.
        #expect(segments.recompute.description == "the input of every 3rd layer")
        #expect(inputs - segments.memory.byteCount == 6 * row && segments.spilledByteCount == 0)
        #expect(disk.recompute.spills && disk.spilledByteCount == 10 * row)
        let thread = inputs - disk.memory.byteCount - 10 * row
        #expect((-200_000...0).contains(thread))
        let rounded = deep(spills: true, .bf16).leanestPlan(contextLength: 4096)
        #expect(rounded.spilledByteCount == 10 * row / 2)
        // Less memory on no account gives a faster policy, and a folder never a slower one that fits.
        #expect(try deep(spills: true).choose(contextLength: 4096, limit: .max).recompute == .fastest)
    }

    @Test func aRunThatDoesNotFitIsToldWhatWould() throws {
        let disk = deep(spills: true).leanestPlan(contextLength: 4096)
        let fitting = lensError {
            _ = try deep(spills: false).choose(contextLength: 4096, limit: disk.memory.byteCount)
        }
        #expect(fitting?.kind == .machine)
        let message = fitting?.message ?? ""
        #expect(message.contains("raise --memory-limit to") && message.contains("With --spill-folder it fits, in"))
        #expect(message.contains("\(describeByteCountUp(disk.spilledByteCount)) of disk"))
        let less = lensError {
            _ = try deep(spills: false).choose(contextLength: 4096, limit: disk.memory.byteCount - 1)
        }
        #expect(less?.message.contains("With --spill-folder it takes") == true)
        let none = lensError { _ = try deep(spills: true).choose(contextLength: 1 << 20, limit: disk.memory.byteCount) }
        #expect(none?.message.contains("spill-folder") == false)
        #expect(none?.message.contains("longest context that fits is 4096") == true)
    }

    @Test func theLongestContextFitsAndTheNextDoesNot() throws {
        let limit = total(1000, memory.policies[0])
        let longest = memory.longestContext(limit: limit)
        #expect(longest == 960)
        #expect(total(longest, memory.policies[0]) <= limit && total(longest + 64, memory.policies[0]) > limit)
        let error = lensError { _ = try memory.choose(contextLength: 4096, limit: limit) }
        #expect(error?.kind == .machine && error?.message.contains("longest context that fits is 960") == true)
        let none = lensError { _ = try memory.choose(contextLength: 4096, limit: 1 << 20) }
        #expect(none?.message.contains("No context fits") == true)
        #expect(memory.longestContext(limit: 1 << 20) == 0)
    }
}
