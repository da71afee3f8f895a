import LensFormats
import LensKernels
import LensModels
import LensScoring
import LensSupport

/// The memory of a training run, known before anything is loaded.
public struct TrainingMemory: Sendable {
    package let configuration: ModelConfiguration
    package let scorer: ScorerMemory
    /// Bytes of the token ids and of precomputed losses.
    package let dataByteCount: Int
    /// Its threads have scratch and a stack each.
    package let runtime: Runtime
    /// What the process takes beside the buffers: libraries, tokenizer, what is in use while files are written.
    package let programByteCount: Int
    /// The most that the process took before the run, while documents were read.
    package let peakBefore: Int
    /// Every policy that the run may follow, from the leanest to the fastest.
    package let policies: [RecomputePolicy]

    /// - Parameters:
    ///   - spills: whether there is a folder for the inputs of layers.
    ///   - layerInputs: what they are kept in.
    ///   - programByteCount: what is known of it; at least ``defaultProgramByteCount`` is counted.
    package init(
        _ configuration: ModelConfiguration, scorer: ScorerMemory, dataByteCount: Int = 0, runtime: Runtime = .shared,
        programByteCount: Int = 0, peakBefore: Int = 0, spills: Bool = false, layerInputs: LayerInputType = .f32
    ) {
        self.configuration = configuration
        self.scorer = scorer
        self.dataByteCount = dataByteCount
        self.runtime = runtime
        self.programByteCount = max(programByteCount, Self.defaultProgramByteCount)
        self.peakBefore = peakBefore
        policies = RecomputePolicy.leanestFirst(
            layerCount: configuration.layerCount, spills: spills, inputType: layerInputs)
    }

    /// Measured at 45 MiB with a tokenizer of 49,152 tokens.
    static let defaultProgramByteCount = 52 << 20
    /// What a thread touches of its stack, and the runtime for it.
    private static let threadByteCount = 96 << 10

    /// Every buffer of a run on sequences of `contextLength` tokens.
    package func plan(contextLength: Int, recompute: RecomputePolicy) -> MemoryPlan {
        var plan = MemoryPlan()
        let store = ParameterStore.byteCount(configuration)
        plan.add("program", byteCount: programByteCount)
        let others = runtime.threadCount - 1 + (recompute.spills ? 1 : 0)
        plan.add("threads", byteCount: saturatingProduct(others, Self.threadByteCount))
        plan.add("kernel scratch", byteCount: scratch(contextLength: contextLength).byteCount)
        for name in ["parameters", "gradients", "first moment", "second moment"] { plan.add(name, byteCount: store) }
        if dataByteCount > 0 { plan.add("token ids", byteCount: dataByteCount) }
        plan.buffers += scorer.buffers(beside: configuration, length: contextLength)
        for buffer in TrainingPass.plan(configuration, contextLength: contextLength, recompute: recompute).buffers {
            plan.add(buffer.name, byteCount: buffer.byteCount)
        }
        // Before there are gradients and activations: their room serves while documents are tokenized and models loaded.
        let before = max(peakBefore, loadingByteCount(store))
        if before > plan.byteCount { plan.add("while loading", byteCount: before - plan.byteCount) }
        return plan
    }

    private func scratch(contextLength: Int) -> KernelScratch {
        TrainingPass.scratch(configuration, contextLength: contextLength, on: runtime)
            .union(scorer.scratch(length: contextLength, on: runtime))
    }

    // The files of a model or checkpoint are mapped while they are read.
    private func loadingByteCount(_ store: Int) -> Int {
        let own = saturatingSum(programByteCount + dataByteCount, saturatingProduct(store, 4))
        let other = scorer.loadingByteCount
        return other == 0 ? own : saturatingSum(own - store, other)
    }

    /// The plan of the fastest recompute policy that fits into `limit` bytes.
    ///
    /// `.machine` when none fits, with what would.
    package func choose(contextLength: Int, limit: Int) throws(LensError) -> TrainingPlan {
        let chosen = plan(contextLength: contextLength, limit: limit)
        if chosen.memory.byteCount <= limit { return chosen }
        guard peakBefore <= limit else {
            throw .machine(
                "Reading and tokenizing the documents took \(describeByteCount(peakBefore)), and "
                    + "\(describeByteCount(limit)) may be used. Raise --memory-limit, or cut the longest documents into "
                    + "shorter ones.")
        }
        throw .machine(
            "Training on \(contextLength) tokens takes \(describeByteCount(chosen.memory.byteCount)) at the least, and "
                + "\(describeByteCount(limit)) may be used. " + advice(contextLength: contextLength, limit: limit))
    }

    /// What would make a run fit whose leanest plan does not.
    package func advice(contextLength: Int, limit: Int) -> String {
        let longest = longestContext(limit: limit, atMost: contextLength)
        let fixed = leanestPlan(contextLength: 2).memory.byteCount
        guard longest > 0 else {
            return "No context fits: program, weights, gradients and optimizer alone take "
                + "\(describeByteCount(fixed)). Raise --memory-limit, or train a smaller model."
        }
        let raised = leanestPlan(contextLength: contextLength).memory.byteCount
        return "The longest context that fits is \(longest): lower --context, or raise --memory-limit to "
            + "\(describeByteCountUp(raised))." + spillingAdvice(contextLength: contextLength, limit: limit)
    }

    /// What a spill folder would change, where there is none.
    private func spillingAdvice(contextLength: Int, limit: Int) -> String {
        guard let own = policies.first, !own.spills else { return "" }
        let spilling = TrainingMemory(
            configuration, scorer: scorer, dataByteCount: dataByteCount, runtime: runtime,
            programByteCount: programByteCount, peakBefore: peakBefore, spills: true, layerInputs: own.inputType)
        let plan = spilling.leanestPlan(contextLength: contextLength)
        guard plan.memory.byteCount < leanestPlan(contextLength: contextLength).memory.byteCount else { return "" }
        let amounts =
            "\(describeByteCountUp(plan.memory.byteCount)) of memory and \(describeByteCountUp(plan.spilledByteCount)) "
            + "of disk"
        return plan.memory.byteCount <= limit
            ? " With --spill-folder it fits, in \(amounts)." : " With --spill-folder it takes \(amounts)."
    }

    /// The plan of the leanest policy.
    package func leanestPlan(contextLength: Int) -> TrainingPlan { planned(0, contextLength) }

    /// The longest context, a multiple of 64, that fits into `limit` bytes under the leanest policy; 0 when none does.
    public func longestContext(limit: Int, atMost most: Int = 1 << 24) -> Int {
        func fits(_ blocks: Int) -> Bool {
            leanestPlan(contextLength: blocks * 64).memory.byteCount <= limit
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
    /// Bytes that a pass puts into a file.
    public let spilledByteCount: Int
}

extension TrainingMemory {
    /// The memory of a run whose trained model scores itself with the default short context, which is what a run takes
    /// when nothing is said of its scorer.
    ///
    /// - Parameters:
    ///   - spills: whether there is a folder for the inputs of layers.
    ///   - layerInputs: what they are kept in.
    public init(
        defaultsFor configuration: ModelConfiguration, contextLength: Int, runtime: Runtime = .shared,
        spills: Bool = false, layerInputs: LayerInputType = .f32
    ) {
        let window = WindowPlan.defaultScorerContext(
            length: contextLength, trainedFor: configuration.contextLength)
        self.init(
            configuration, scorer: .own(contextLength: window), runtime: runtime, spills: spills,
            layerInputs: layerInputs)
    }

    /// The plan of the fastest policy that fits into `limit` bytes; of the leanest where none does.
    public func plan(contextLength: Int, limit: Int) -> TrainingPlan {
        // Each policy takes more than the one before it: the last that fits lies between `low` and `high`.
        var (low, high) = (0, policies.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if planned(middle, contextLength).memory.byteCount <= limit { low = middle } else { high = middle }
        }
        return planned(low, contextLength)
    }

    private func planned(_ index: Int, _ contextLength: Int) -> TrainingPlan {
        let policy = policies[index]
        return TrainingPlan(
            recompute: policy, memory: plan(contextLength: contextLength, recompute: policy),
            spilledByteCount: TrainingPass.spilledByteCount(
                configuration, contextLength: contextLength, recompute: policy))
    }

    /// The memory of a run with the default scorer at its greatest, a quarter of the context or the context that the
    /// model was trained for: for the longest context that fits.
    package init(
        greatestDefaultsFor configuration: ModelConfiguration, runtime: Runtime = .shared, spills: Bool = false,
        layerInputs: LayerInputType = .f32
    ) {
        self.init(
            configuration, scorer: .own(contextLength: configuration.contextLength), runtime: runtime, spills: spills,
            layerInputs: layerInputs)
    }

    /// Bytes that a run may take where no limit is given.
    package static func available() -> Int { SystemMemory.available }
}
