import LensFormats
import LensModels
import LensSupport

/// The memory of a training run, known before anything is loaded.
public struct TrainingMemory: Sendable {
    /// What the short-context losses need beside the trained model.
    public enum Scorer: Sendable {
        /// The scheme needs none, or a score file gives them.
        case none
        /// The trained model itself, in windows of at most this many tokens.
        case own(contextLength: Int)
        /// Another model and its windows.
        case model(ModelConfiguration, contextLength: Int)
    }

    public let configuration: ModelConfiguration
    public let scorer: Scorer
    /// Bytes of the token ids and of precomputed losses.
    public let dataByteCount: Int

    public init(_ configuration: ModelConfiguration, scorer: Scorer, dataByteCount: Int = 0) {
        self.configuration = configuration
        self.scorer = scorer
        self.dataByteCount = dataByteCount
    }

    /// What the process takes beside the buffers: measured at 45 MiB, most of it libraries and the tokenizer, and the
    /// kernels' packing buffers of a few MiB a thread.
    static let programByteCount = 64 << 20

    /// Every buffer of a run on sequences of `contextLength` tokens.
    public func plan(contextLength: Int, recompute: RecomputePolicy) -> MemoryPlan {
        var plan = MemoryPlan()
        let store = ParameterStore.byteCount(configuration)
        plan.add("program and kernel scratch", byteCount: Self.programByteCount)
        for name in ["parameters", "gradients", "first moment", "second moment"] { plan.add(name, byteCount: store) }
        if dataByteCount > 0 { plan.add("token ids", byteCount: dataByteCount) }
        switch scorer {
        case .none: break
        case .own(let window):
            add(InferencePass.plan(configuration, contextLength: min(window, contextLength)), to: &plan)
        case .model(let other, let window):
            plan.add("scorer parameters", byteCount: ParameterStore.byteCount(other))
            add(InferencePass.plan(other, contextLength: min(window, contextLength)), to: &plan)
        }
        for buffer in TrainingPass.plan(configuration, contextLength: contextLength, recompute: recompute).buffers {
            plan.add(buffer.name, byteCount: buffer.byteCount)
        }
        return plan
    }

    private func add(_ pass: MemoryPlan, to plan: inout MemoryPlan) {
        for buffer in pass.buffers { plan.add("scorer " + buffer.name, byteCount: buffer.byteCount) }
    }

    /// The fastest recompute policy whose plan fits into `limit` bytes, with its plan.
    ///
    /// `.machine` when none fits, with the longest context that would.
    public func choose(contextLength: Int, limit: Int) throws(LensError) -> (policy: RecomputePolicy, plan: MemoryPlan)
    {
        let chosen = plan(contextLength: contextLength, limit: limit)
        if chosen.memory.byteCount <= limit { return (chosen.recompute, chosen.memory) }
        let longest = longestContext(limit: limit, atMost: contextLength)
        let fixed = plan(contextLength: 2, recompute: .all(.input)).byteCount
        throw .machine(
            "Training on \(contextLength) tokens takes \(describeByteCount(chosen.memory.byteCount)) at the least, and "
                + "\(describeByteCount(limit)) may be used. "
                + (longest > 0
                    ? "The longest context that fits is \(longest): lower --context, or raise --memory-limit."
                    : "No context fits: program, weights, gradients and optimizer alone take "
                        + "\(describeByteCount(fixed)). Raise --memory-limit, or train a smaller model.")
        )
    }

    /// The longest context, a multiple of 64, that fits into `limit` bytes under the leanest policy; 0 when none does.
    public func longestContext(limit: Int, atMost most: Int = 1 << 24) -> Int {
        func fits(_ blocks: Int) -> Bool {
            plan(contextLength: blocks * 64, recompute: .all(.input)).byteCount <= limit
        }
        var low = 0
        var high = most / 64 + 1
        // Grow from below first: a plan far beyond the limit is never asked for.
        var probe = 1
        while probe < high {
            guard fits(probe) else {
                high = probe
                break
            }
            low = probe
            probe *= 2
        }
        while high - low > 1 {
            let middle = (low + high) / 2
            if fits(middle) { low = middle } else { high = middle }
        }
        return low * 64
    }
}

/// The memory of a run as a plan shows it.
public struct TrainingPlan: Sendable {
    public let recompute: RecomputePolicy
    public let memory: MemoryPlan
}

extension TrainingMemory {
    /// The memory of a run whose trained model scores itself with the default short context, which is what a run takes
    /// when nothing is said of its scorer.
    public init(defaultsFor configuration: ModelConfiguration, contextLength: Int) {
        let window = TrainingSettings.defaultScorerContext(
            contextLength: contextLength, trainedFor: configuration.contextLength)
        self.init(configuration, scorer: .own(contextLength: window))
    }

    /// The plan of the fastest policy that fits into `limit` bytes; of the leanest where none does.
    public func plan(contextLength: Int, limit: Int) -> TrainingPlan {
        let policies = RecomputePolicy.leanestFirst(layerCount: configuration.layerCount)
        func planned(_ index: Int) -> TrainingPlan {
            TrainingPlan(
                recompute: policies[index], memory: plan(contextLength: contextLength, recompute: policies[index]))
        }
        // Each policy takes more than the one before it: the last that fits lies between `low` and `high`.
        var (low, high) = (0, policies.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if planned(middle).memory.byteCount <= limit { low = middle } else { high = middle }
        }
        return planned(low)
    }

    /// ``plan(contextLength:limit:)`` of a run with the default scorer.
    public static func plan(_ configuration: ModelConfiguration, contextLength: Int, limit: Int) -> TrainingPlan {
        TrainingMemory(defaultsFor: configuration, contextLength: contextLength)
            .plan(contextLength: contextLength, limit: limit)
    }

    /// ``longestContext(limit:atMost:)`` of a run with the default scorer at its greatest, a quarter of the context or
    /// the context that the model was trained for.
    public static func longestContext(_ configuration: ModelConfiguration, limit: Int) -> Int {
        TrainingMemory(configuration, scorer: .own(contextLength: configuration.contextLength)).longestContext(
            limit: limit)
    }

    /// Bytes that a run may take where no limit is given.
    public static func available() -> Int { SystemMemory.available }
}
