import ArgumentParser
import LongLens

struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures throughput and memory for each context length, or the kernels alone.",
        subcommands: [BenchTrain.self, BenchScore.self, BenchKernels.self])
}

enum TableFormat: String, ExpressibleByArgument, CaseIterable { case table, json, csv }

/// What every benchmark takes.
struct BenchOptions: ParsableArguments {
    @Option(name: .long, help: "table, json or csv.") var format: TableFormat = .table
    @Flag(name: .long, help: "The same as --format json.") var json = false
    @Option(name: .long, help: "Measured repetitions after one that warms up.") var repeats = 3
    @OptionGroup var machine: RunOptions

    func validate() throws {
        if repeats < 1 { throw ValidationError("--repeats must be at least 1.") }
    }

    var chosenFormat: TableFormat { json ? .json : format }
}

struct ContextOptions: ParsableArguments {
    @OptionGroup var shape: ShapeOptions
    @Option(name: .long, help: "Context lengths, such as 1k,2k,4k.") var context: String = "1k"
    @Option(name: .long, help: ArgumentHelp("Draw throughput and memory as SVG.", valueName: "file")) var plot: String?

    /// From the shortest on: the memory of a row is the process's peak until then.
    func lengths() throws -> [Int] { Set(try parseLengths(context).filter { try $0 > 1 || refuse($0) }).sorted() }

    private func refuse(_ length: Int) throws -> Bool {
        throw ValidationError("A context of \(length) token predicts nothing; give at least 2.")
    }

    func report(_ header: BenchHeader, _ rows: [ContextRow], _ options: BenchOptions) throws {
        if let plot {
            let file = try AtomicFile(path: plot)
            try file.write(BenchPlot(header: header, rows: rows).svg)
            try file.commit()
        }
        try LongLensCLI.report(header, rows, options)
    }
}

/// Lengths such as 1k,2k,4k.
func parseLengths(_ list: String) throws -> [Int] {
    try list.split(separator: ",", omittingEmptySubsequences: false).map {
        guard let count = Count(argument: String($0)) else {
            throw ValidationError("\($0.isEmpty ? "Nothing" : $0) is no number of tokens; write 1k,2k,4k.")
        }
        return count.value
    }
}

struct BenchTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Whole training steps: forward, weighted backward, update.")
    @OptionGroup var contexts: ContextOptions
    @Option(name: .long, help: "Share of the tokens with a weight above 0, as a sparse scheme leaves.") var kept = 1.0
    @Option(name: .long, help: "Such as 8GiB (default: what the machine has free).") var memoryLimit: ByteCount?
    @OptionGroup var options: BenchOptions

    func validate() throws {
        if !(0...1).contains(kept) { throw ValidationError("--kept must be from 0 to 1.") }
    }

    mutating func run() throws {
        try options.machine.prepare()
        let lengths = try contexts.lengths()
        try checkMemory(lengths, try contexts.shape.configuration())
        let model = try contexts.shape.loadModel()
        let header = BenchHeader.measure(model: contexts.shape.name)
        let progress = ProgressLine(quiet: options.machine.quiet)
        let gradients = try ParameterStore(model.configuration)
        let optimizer = AdamW()
        let state = try TrainingState(model.parameters)
        var rows: [ContextRow] = []
        for length in lengths {
            progress.update("training steps of \(length) tokens")
            let plan = TrainingMemory.plan(
                model.configuration, contextLength: length, limit: memoryLimit?.value ?? TrainingMemory.available())
            let pass = try TrainingPass(model, gradients: gradients, contextLength: length, recompute: plan.recompute)
            let tokens = benchTokens(length, model.configuration)
            let weights = benchWeights(length - 1, kept: kept)
            let seconds = try measure(options.repeats) {
                gradients.all.fill(0)
                _ = try pass.forward(tokens)
                pass.backward(weights: weights)
                optimizer.update(state, gradients: gradients, norm: AdamW.norm(gradients), learningRate: 1e-9)
            }
            rows.append(
                ContextRow(
                    context: length, seconds: seconds,
                    flops: Arithmetic.trainingFlops(model.configuration, length: length),
                    peak: header.peak_gflops))
        }
        progress.clear()
        try contexts.report(header, rows, options)
    }

    /// Every context is checked before the first is measured.
    private func checkMemory(_ lengths: [Int], _ configuration: ModelConfiguration) throws {
        let limit = memoryLimit?.value ?? TrainingMemory.available()
        for length in lengths {
            let plan = TrainingMemory.plan(configuration, contextLength: length, limit: limit)
            guard plan.memory.byteCount > limit else { continue }
            let longest = TrainingMemory.longestContext(configuration, limit: limit)
            throw LensError.machine(
                "A context of \(length) needs \(Format.bytes(plan.memory.byteCount)), more than \(Format.bytes(limit)); at most \(longest) tokens fit."
            )
        }
    }
}

struct BenchScore: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "score", abstract: "Losses of every token, nothing kept for gradients.")
    @OptionGroup var contexts: ContextOptions
    @OptionGroup var options: BenchOptions

    mutating func run() throws {
        try options.machine.prepare()
        let model = try contexts.shape.loadModel()
        let header = BenchHeader.measure(model: contexts.shape.name)
        let progress = ProgressLine(quiet: options.machine.quiet)
        var rows: [ContextRow] = []
        for length in try contexts.lengths() {
            progress.update("scoring of \(length) tokens")
            let pass = try InferencePass(model, contextLength: length)
            let tokens = benchTokens(length, model.configuration)
            let seconds = try measure(options.repeats) { _ = try pass.losses(tokens) }
            rows.append(
                ContextRow(
                    context: length, seconds: seconds,
                    flops: Arithmetic.forwardFlops(model.configuration, length: length),
                    peak: header.peak_gflops))
        }
        progress.clear()
        try contexts.report(header, rows, options)
    }
}

struct BenchKernels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Matrix products and attention by shape, as a share of the machine's peak.")
    @Option(name: .long, help: "Tokens of the shapes, such as 1k,4k.") var context: String = "1k"
    @OptionGroup var options: BenchOptions

    mutating func run() throws {
        try options.machine.prepare()
        let header = BenchHeader.measure(model: nil)
        var rows: [KernelRow] = []
        for length in try parseLengths(context) {
            for (n, k) in [(576, 576), (192, 576), (1536, 576), (576, 1536), (49152, 576)] {
                rows += try products(length, n, k, header)
            }
            rows += try attentions(length, header)
        }
        try report(header, rows, options)
    }

    /// Forward, input gradient and weight gradient of one linear map.
    private func products(_ t: Int, _ n: Int, _ k: Int, _ header: BenchHeader) throws -> [KernelRow] {
        let x = try Matrix(rows: t, columns: k)
        let w = try Matrix(rows: n, columns: k)
        let y = try Matrix(rows: t, columns: n)
        let flops = 2 * Double(t) * Double(n) * Double(k)
        let shape = "T=\(t) N=\(n) K=\(k)"
        return [
            ("product forward", { multiply(x, w, transposeB: true, into: y) }),
            ("product input gradient", { multiply(y, w, into: x) }),
            ("product weight gradient", { multiply(y, transposeA: true, x, into: w, accumulate: true) }),
        ].map { name, work in
            KernelRow(
                kernel: name, shape: shape, flops: flops, seconds: measure(options.repeats, work),
                peak: header.peak_gflops)
        }
    }

    private func attentions(_ t: Int, _ header: BenchHeader) throws -> [KernelRow] {
        let (heads, keyValueHeads, size) = (9, 3, 64)
        let q = try Matrix(rows: t, columns: heads * size)
        let k = try Matrix(rows: t, columns: keyValueHeads * size)
        let v = try Matrix(rows: t, columns: keyValueHeads * size)
        func like(_ other: Matrix) throws -> Matrix { try Matrix(rows: other.rows, columns: other.columns) }
        let (out, dout, dq, dk, dv) = (try like(q), try like(q), try like(q), try like(k), try like(v))
        let (lse, delta) = (try Matrix(rows: heads, columns: t), try Matrix(rows: heads, columns: t))
        var generator = SeededGenerator(seed: 1)
        for matrix in [q, k, v, dout] { matrix.fillNormal(deviation: 1, generator: &generator) }
        let flops = Arithmetic.attentionFlops(length: t, heads: heads, size: size)
        let shape = "T=\(t) NH=\(heads) NKV=\(keyValueHeads) HS=\(size)"
        let forward = measure(options.repeats) {
            attention(query: q, key: k, value: v, heads: heads, keyValueHeads: keyValueHeads, into: out, logSumExp: lse)
        }
        let backward = measure(options.repeats) {
            attentionBackward(
                query: q, key: k, value: v, output: out, logSumExp: lse, outputGradient: dout, heads: heads,
                keyValueHeads: keyValueHeads, delta: delta, queryGradient: dq, keyGradient: dk, valueGradient: dv)
        }
        return [
            KernelRow(
                kernel: "attention forward", shape: shape, flops: flops, seconds: forward, peak: header.peak_gflops),
            KernelRow(
                kernel: "attention backward", shape: shape, flops: 2.5 * flops, seconds: backward,
                peak: header.peak_gflops),
        ]
    }
}
