import ArgumentParser
import LensCommands
import LongLens

struct BenchKernels: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernels", abstract: "Matrix products and attention by shape, as a share of the machine's peak.")
    @Option(name: .long, help: "Tokens of the shapes, such as 1k,4k.") var context: String = "1k"
    @Option(
        name: .long, help: "Model whose shapes are measured: .gguf file, Hugging Face folder, or llama2.c .bin.",
        completion: .file())
    var model: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A known shape instead (default: smollm2-135m): \(ModelShapes.names.joined(separator: ", ")).",
            valueName: "name"),
        completion: .list(ModelShapes.names))
    var shape: String?
    @Option(name: .long, help: "Edge of the square product that comes first.") var square = Count(4096)
    @Option(name: .long, help: "Some of the kernels alone.") var only: Kernels?
    @OptionGroup var options: BenchOptions

    enum Kernels: String, ExpressibleByArgument, CaseIterable { case products, attention }

    func validate() throws {
        if model != nil, shape != nil { throw ValidationError("Give either --model or --shape.") }
    }

    mutating func run() throws {
        let runtime = try options.machine.runtime()
        let lengths = try parseLengths(context)
        let configuration = try configuration()
        let before = BenchHeader(
            model: model.map { modelName(path: $0) } ?? shape ?? "smollm2-135m", runtime: runtime)
        let progress = ProgressLine(quiet: options.machine.quiet)
        var rows: [KernelRow] = []
        if only != .attention {
            progress.update("product of \(square.value) cubed")
            rows = try products(square.value, square.value, square.value, directions: 1, on: runtime, progress)
        }
        for length in lengths {
            for map in linearMaps(configuration) where only != .attention {
                progress.update("products of \(length) tokens, \(map.outputs) x \(map.inputs)")
                rows += try products(length, map.outputs, map.inputs, on: runtime, progress)
                for type in [TensorType.q8_0, .q4_1, .bf16] where map.inputs.isMultiple(of: type.blockElements) {
                    rows.append(try storedProduct(length, map, type, on: runtime, progress))
                }
            }
            if only == .products { continue }
            progress.update("attention of \(length) tokens")
            rows += try attentions(length, configuration, on: runtime, progress)
        }
        progress.clear()
        let header = before.measuredAgain(on: runtime)
        let rated = rows.map { $0.of(peak: header.peak(of: $0.compute)) }
        try report(header, rated, options)
    }

    private func configuration() throws(LensError) -> ModelConfiguration {
        guard let model else { return try ModelShapes.named(shape ?? "smollm2-135m") }
        let source = try openModel(path: model)
        say(warnings: source.warnings)
        return source.configuration
    }

    /// The sizes of the model's linear maps, each once.
    private func linearMaps(_ configuration: ModelConfiguration) -> [LinearMap] {
        let hidden = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headDimension
        let keys = configuration.keyValueHeadCount * configuration.headDimension
        let all = [
            LinearMap(outputs: queries, inputs: hidden), LinearMap(outputs: keys, inputs: hidden),
            LinearMap(outputs: hidden, inputs: queries),
            LinearMap(outputs: configuration.feedForwardSize, inputs: hidden),
            LinearMap(outputs: hidden, inputs: configuration.feedForwardSize),
            LinearMap(outputs: configuration.vocabularySize, inputs: hidden),
        ]
        return all.enumerated().filter { all.firstIndex(of: $1) == $0 }.map(\.element)
    }

    private struct LinearMap: Equatable { let outputs, inputs: Int }

    /// Forward, input gradient and weight gradient of one linear map, or the first of them.
    private func products(
        _ t: Int, _ n: Int, _ k: Int, directions: Int = 3, on runtime: Runtime, _ progress: ProgressLine
    ) throws -> [KernelRow] {
        let x = try Matrix(rows: t, columns: k)
        let w = try Matrix(rows: n, columns: k)
        let y = try Matrix(rows: t, columns: n)
        let flops = 2 * Double(t) * Double(n) * Double(k)
        let shape = "T=\(t) N=\(n) K=\(k)"
        let works: [(name: String, run: () throws -> Void)] = [
            ("product forward", { try runtime.multiply(x, w, transposeB: true, into: y) }),
            ("product input gradient", { try runtime.multiply(y, w, into: x) }),
            ("product weight gradient", { try runtime.multiply(y, transposeA: true, x, into: w, accumulate: true) }),
        ]
        return try works.prefix(directions).map { name, work in
            try row(name, shape, flops: flops, progress, work)
        }
    }

    /// A product with packed weights of a type, against the peak of such products.
    private func storedProduct(
        _ t: Int, _ map: LinearMap, _ type: TensorType, on runtime: Runtime, _ progress: ProgressLine
    ) throws -> KernelRow {
        let x = try Matrix(rows: t, columns: map.inputs)
        let y = try Matrix(rows: t, columns: map.outputs)
        var generator = SeededGenerator(seed: 1)
        x.fillNormal(deviation: 1, generator: &generator)
        let weights = try StoredMatrix(normal: type, rows: map.outputs, columns: map.inputs, on: runtime)
        return try row(
            "product \(type.name)", "T=\(t) N=\(map.outputs) K=\(map.inputs)",
            flops: 2 * Double(t) * Double(map.outputs) * Double(map.inputs),
            compute: type.products == .bf16 ? .bf16 : .int8, progress
        ) { try runtime.multiply(x, .stored(weights), into: y) }
    }

    private func attentions(
        _ t: Int, _ configuration: ModelConfiguration, on runtime: Runtime, _ progress: ProgressLine
    ) throws -> [KernelRow] {
        let (heads, keyValueHeads) = (configuration.headCount, configuration.keyValueHeadCount)
        let size = configuration.headDimension
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
        func forward(inBF16: Bool) throws {
            try runtime.attention(
                query: q, key: k, value: v, heads: heads, keyValueHeads: keyValueHeads, inBF16: inBF16, into: out,
                logSumExp: lse)
        }
        let inBF16 =
            runtime.features.contains(.bf16)
            ? [try row("attention forward bf16", shape, flops: flops, progress) { try forward(inBF16: true) }] : []
        return inBF16 + [
            try row("attention forward", shape, flops: flops, progress) { try forward(inBF16: false) },
            try row("attention backward", shape, flops: 2.5 * flops, progress) {
                try runtime.attentionBackward(
                    query: q, key: k, value: v, output: out, logSumExp: lse, outputGradient: dout, heads: heads,
                    keyValueHeads: keyValueHeads, delta: delta, queryGradient: dq, keyGradient: dk, valueGradient: dv)
            },
        ]
    }

    private func row(
        _ kernel: String, _ shape: String, flops: Double, compute: Compute = .f32, _ progress: ProgressLine,
        _ work: () throws -> Void
    ) throws -> KernelRow {
        let timing = try measure(options.repeats, work)
        options.note("\(kernel) \(shape)", timing, progress)
        return KernelRow(kernel: kernel, shape: shape, flops: flops, compute: compute, seconds: timing)
    }
}
