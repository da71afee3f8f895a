import LensFormats
import LensKernels
import LensSupport

/// What a machine does in a second of each kind of work, measured with a model's own shapes on a runtime's threads.
///
/// Sizes past those of small models are cut: a rate does not change any more there, and the measurement would take long.
/// Its buffers, one kind's at a time, are smaller than those of a training on as many tokens, and gone when it ends.
package struct MachineRates: Sendable {
    private var rates: [WorkKind: Double] = [:]
    /// What the measurement took.
    package private(set) var measuredSeconds = 0.0

    /// Rates that are known.
    package init(_ rates: [WorkKind: Double]) { self.rates = rates }

    /// - Parameters:
    ///   - length: tokens of the sequences that are to be computed.
    ///   - trains: whether gradients and updates are wanted too; for fp32 weights.
    /// `.machine` when there is no memory.
    package init(
        measuring layout: WeightLayout, length: Int, trains: Bool, on runtime: Runtime
    ) throws(LensError) {
        let start = ContinuousClock.now
        // One for each kind: the memory of the one before is gone.
        var probes: Probes { Probes(layout, length: length, trains: trains, runtime: runtime) }
        try probes.attentionMaps(into: &self)
        try probes.feedForwardMaps(into: &self)
        try probes.head(into: &self)
        try probes.attention(into: &self)
        try probes.stream(into: &self)
        try probes.rotation(into: &self)
        try probes.activation(into: &self)
        if trains { try probes.update(into: &self) }
        measuredSeconds = (ContinuousClock.now - start) / .seconds(1)
    }

    /// Seconds that so much work takes.
    package func seconds(_ work: WorkAmount) -> Double {
        WorkKind.allCases.reduce(0) { sum, kind in
            let amount = work[kind]
            return amount == 0 ? sum : sum + amount / rates[kind, default: .infinity]
        }
    }

    /// Runs `work` once to warm up, and then as often as a median asks for.
    fileprivate mutating func measure(
        _ kind: WorkKind, _ amount: Double, _ work: () throws(LensError) -> Void
    ) throws(LensError) {
        try work()
        var seconds: [Double] = []
        var sum = 0.0
        while seconds.count < 3 && sum < Self.longest || sum < Self.shortest {
            let start = ContinuousClock.now
            try work()
            let passed = max((ContinuousClock.now - start) / .seconds(1), 1e-9)
            seconds.append(passed)
            sum += passed
        }
        seconds.sort()
        rates[kind] = amount / seconds[(seconds.count - 1) / 2]
    }

    /// Seconds of one kind: three runs where they take less, and as many as last so long.
    private static let (longest, shortest) = (0.25, 0.004)
}

/// The pieces of a step that are measured, each with buffers of its own.
private struct Probes {
    let configuration: ModelConfiguration
    let layout: WeightLayout
    let length: Int
    let trains: Bool
    let runtime: Runtime
    let hidden, feedForwardSize: Int
    /// Heads of the attention's maps.
    let heads, keyValueHeads: Int
    private let memory = ProbeMemory()

    private static let greatestSize = 1536
    /// Blocks of pairs that causality cuts through are few then, as in longer sequences.
    private static let attentionLength = 4096
    /// Elements of a matrix that goes through memory once, and of each of the four that an update reads.
    private static let streamElements = 4 << 20

    init(_ layout: WeightLayout, length: Int, trains: Bool, runtime: Runtime) {
        configuration = layout.configuration
        self.layout = layout
        self.length = length
        self.trains = trains
        self.runtime = runtime
        hidden = min(configuration.hiddenSize, Self.greatestSize)
        feedForwardSize = min(configuration.feedForwardSize, Self.greatestSize)
        keyValueHeads = Self.keyValueHeads(configuration, width: Self.greatestSize)
        heads = configuration.headCount / configuration.keyValueHeadCount * keyValueHeads
    }

    /// Heads of keys and values whose queries have about this width together, at least one.
    private static func keyValueHeads(_ configuration: ModelConfiguration, width: Int) -> Int {
        let group = configuration.headCount / configuration.keyValueHeadCount
        return min(configuration.keyValueHeadCount, max(1, width / (group * configuration.headDimension)))
    }

    private var queryWidth: Int { heads * configuration.headDimension }
    private var keyWidth: Int { keyValueHeads * configuration.headDimension }
    private var blockRows: Int {
        min(length, layout.compute == .f32 ? feedForwardBlock : quantizedFeedForwardBlock)
    }

    private func matrix(_ rows: Int, _ columns: Int) throws(LensError) -> Matrix {
        let matrix = try memory.take(rows: rows, columns: columns)
        // Zeros are one page for all, until they are written.
        matrix.fill(0.01)
        return matrix
    }

    private func like(_ other: Matrix) throws(LensError) -> Matrix { try matrix(other.rows, other.columns) }

    /// Weights of the type that a parameter has. Types of the same products are packed alike, and one stands for them.
    private func weights(_ name: String, _ outputs: Int, _ inputs: Int) throws(LensError) -> Weights {
        guard let products = layout.storedType(name)?.products else { return .f32(try matrix(outputs, inputs)) }
        return .stored(
            try StoredMatrix(
                normal: products == .bf16 ? .bf16 : .q8_0, rows: outputs, columns: inputs, on: runtime))
    }

    // MARK: Products

    private struct LinearMap { let weights: Weights, input, output: Matrix }

    /// The map of a parameter's type, to `outputs` columns.
    private func map(_ name: String, _ input: Matrix, _ outputs: Int) throws(LensError) -> LinearMap {
        LinearMap(
            weights: try weights(name, outputs, input.columns), input: input, output: try matrix(input.rows, outputs))
    }

    func attentionMaps(into rates: inout MachineRates) throws(LensError) {
        let rows = min(length, feedForwardBlock)
        let (normed, attended) = (try matrix(rows, hidden), try matrix(rows, queryWidth))
        let prefix = "model.layers.0.self_attn."
        let maps = try [("q", queryWidth), ("k", keyWidth), ("v", keyWidth)].map { (name, width) throws(LensError) in
            try map("\(prefix)\(name)_proj.weight", normed, width)
        }
        let output = try map("\(prefix)o_proj.weight", attended, hidden)
        try measure(maps, output, (.attentionMaps, .attentionMapsInput, .attentionMapsWeight), into: &rates)
    }

    func feedForwardMaps(into rates: inout MachineRates) throws(LensError) {
        let rows = blockRows
        let (normed, activated) = (try matrix(rows, hidden), try matrix(rows, feedForwardSize))
        let prefix = "model.layers.0.mlp."
        let maps = try ["gate", "up"].map { (name) throws(LensError) in
            try map("\(prefix)\(name)_proj.weight", normed, feedForwardSize)
        }
        let down = try map("\(prefix)down_proj.weight", activated, hidden)
        try measure(maps, down, (.feedForwardMaps, .feedForwardMapsInput, .feedForwardMapsWeight), into: &rates)
    }

    /// Several maps of one input, and the one that follows, which adds to its output.
    private func measure(
        _ maps: [LinearMap], _ last: LinearMap, _ kinds: (forward: WorkKind, input: WorkKind, weight: WorkKind),
        into rates: inout MachineRates
    ) throws(LensError) {
        let all = maps + [last]
        let amount = all.reduce(0) { $0 + Double($1.input.count) * Double($1.output.columns) }
        try rates.measure(kinds.forward, amount) { () throws(LensError) in
            try runtime.multiply(maps[0].input, maps.map { ($0.weights, $0.output) })
            try runtime.multiply(last.input, last.weights, into: last.output, accumulate: true)
        }
        guard trains else { return }
        try rates.measure(kinds.input, amount) { () throws(LensError) in
            try runtime.multiply(last.output, last.weights.matrix, into: last.input)
            for (index, map) in maps.enumerated() {
                try runtime.multiply(map.output, map.weights.matrix, into: map.input, accumulate: index > 0)
            }
        }
        let gradients = try all.map { (map) throws(LensError) in try like(map.weights.matrix) }
        try rates.measure(kinds.weight, amount) { () throws(LensError) in
            for (map, gradient) in zip(all, gradients) {
                try runtime.multiply(map.output, transposeA: true, map.input, into: gradient, accumulate: true)
            }
        }
    }

    func head(into rates: inout MachineRates) throws(LensError) {
        let vocabulary = min(configuration.vocabularySize, 8192)
        let rows = min(length, feedForwardBlock)
        let states = try matrix(rows, hidden)
        let weights = try weights(configuration.headName, vocabulary, hidden)
        let (losses, logSumExp) = (try matrix(1, rows), try matrix(1, rows))
        let targets = [Int32](repeating: 0, count: rows)
        func amount(_ rows: Int) -> Double { Double(rows) * Double(hidden) * Double(vocabulary) }
        try rates.measure(.headLosses, amount(rows)) { () throws(LensError) in
            switch weights {
            case .f32(let weights):
                try runtime.headLosses(states, weights, targets: targets, into: losses, logSumExp: logSumExp)
            case .stored(let weights): try runtime.headLosses(states, weights, targets: targets, into: losses)
            }
        }
        guard trains else { return }
        let chunk = min(rows, LanguageModelHead.chunk(configuration, length: length))
        let input = states.rows(0..<chunk)
        let logits = try matrix(chunk, vocabulary)
        let (inputGradient, gradient) = (try like(input), try like(weights.matrix))
        let coefficients = try matrix(1, chunk)
        try rates.measure(.headLogits, amount(chunk)) { () throws(LensError) in
            try runtime.multiply(input, weights, into: logits)
        }
        try rates.measure(.headGradients, 2 * amount(chunk)) { () throws(LensError) in
            try runtime.crossEntropyBackward(
                logits, targets: Array(targets[..<chunk]), logSumExp: logSumExp.columns(0..<chunk),
                weights: coefficients)
            try runtime.multiply(logits, weights.matrix, into: inputGradient)
            try runtime.multiply(logits, transposeA: true, input, into: gradient, accumulate: true)
        }
    }

    // MARK: Attention

    func attention(into rates: inout MachineRates) throws(LensError) {
        let rows = min(length, Self.attentionLength)
        // More threads have more heads to share, and the shorter the sequence, the more there is room for.
        let width = 256 * max(1, runtime.threadCount / 4) * Self.attentionLength / rows
        let keyValueHeads = Self.keyValueHeads(configuration, width: width)
        let heads = configuration.headCount / configuration.keyValueHeadCount * keyValueHeads
        let queryWidth = heads * configuration.headDimension, keyWidth = keyValueHeads * configuration.headDimension
        let (query, key, value) = (try matrix(rows, queryWidth), try matrix(rows, keyWidth), try matrix(rows, keyWidth))
        let (output, logSumExp) = (try like(query), try matrix(heads, rows))
        let pairs = Arithmetic.attentionFlops(length: rows, heads: heads, size: configuration.headDimension) / 4
        try rates.measure(.attention, pairs) { () throws(LensError) in
            try runtime.attention(
                query: query, key: key, value: value, heads: heads, keyValueHeads: keyValueHeads,
                inBF16: layout.compute != .f32, into: output, logSumExp: logSumExp)
        }
        guard trains else { return }
        let (outputGradient, delta) = (try like(output), try like(logSumExp))
        let (queryGradient, keyGradient, valueGradient) = (try like(query), try like(key), try like(value))
        try rates.measure(.attentionBackward, pairs) { () throws(LensError) in
            try runtime.attentionBackward(
                query: query, key: key, value: value, output: output, logSumExp: logSumExp,
                outputGradient: outputGradient, heads: heads, keyValueHeads: keyValueHeads, delta: delta,
                queryGradient: queryGradient, keyGradient: keyGradient, valueGradient: valueGradient)
        }
    }

    // MARK: What goes through memory

    func stream(into rates: inout MachineRates) throws(LensError) {
        let columns = configuration.hiddenSize
        let rows = streamRows(columns)
        let (x, y) = (try matrix(rows, columns), try matrix(rows, columns))
        let (weight, rstd) = (try matrix(1, columns), try matrix(1, rows))
        try rates.measure(.norm, Double(rows)) { () throws(LensError) in
            try runtime.rmsNorm(x, weight: weight, epsilon: configuration.normEpsilon, into: y, rstd: rstd)
        }
        try rates.measure(.copy, Double(rows)) { () throws(LensError) in y.copy(from: x) }
        guard trains else { return }
        let (gradient, weightGradient) = (try like(x), try like(weight))
        try rates.measure(.normBackward, Double(rows)) { () throws(LensError) in
            try runtime.rmsNormBackward(
                y, x: x, weight: weight, rstd: rstd, into: gradient, accumulate: true, weightGradient: weightGradient)
        }
    }

    private func streamRows(_ columns: Int) -> Int { max(1, min(length, Self.streamElements / columns)) }

    func rotation(into rates: inout MachineRates) throws(LensError) {
        let size = configuration.headDimension
        let widths = [configuration.headCount, configuration.keyValueHeadCount]
        let rows = streamRows(widths[0] * size)
        let (cosine, sine) = (try matrix(rows, size / 2), try matrix(rows, size / 2))
        let (weight, weightGradient) = (try matrix(1, size), try matrix(1, size))
        let parts = try widths.map { (heads) throws(LensError) in
            (heads: heads, x: try matrix(rows, heads * size), rstd: try matrix(1, rows * heads))
        }
        func byHead(_ x: Matrix) -> Matrix { x.reshaped(rows: x.count / size, columns: size) }
        try rates.measure(.rotation, Double(rows)) { () throws(LensError) in
            for part in parts {
                if configuration.queryKeyNorm {
                    try runtime.rmsNorm(
                        byHead(part.x), weight: weight, epsilon: configuration.normEpsilon, into: byHead(part.x),
                        rstd: part.rstd)
                }
                try runtime.rotate(part.x, cosine: cosine, sine: sine, heads: part.heads)
            }
        }
        guard trains else { return }
        let projected =
            configuration.queryKeyNorm
            ? try parts.map { (part) throws(LensError) in try like(part.x) } : []
        try rates.measure(.rotationBackward, Double(rows)) { () throws(LensError) in
            for part in parts { try runtime.rotateBackward(part.x, cosine: cosine, sine: sine, heads: part.heads) }
            for (part, projected) in zip(parts, projected) {
                try runtime.rmsNormBackward(
                    byHead(part.x), x: byHead(projected), weight: weight, rstd: part.rstd, into: byHead(part.x),
                    weightGradient: weightGradient)
            }
        }
    }

    func activation(into rates: inout MachineRates) throws(LensError) {
        let rows = blockRows
        let (gate, up) = (
            try matrix(rows, configuration.feedForwardSize), try matrix(rows, configuration.feedForwardSize)
        )
        let product = try like(gate)
        try rates.measure(.activation, Double(rows)) { () throws(LensError) in
            try runtime.swiGLU(gate: gate, up: up, into: product)
        }
        guard trains else { return }
        let gateGradient = try like(gate)
        try rates.measure(.activationBackward, Double(rows)) { () throws(LensError) in
            try runtime.swiGLUBackward(product, gate: gate, up: up, gateGradient: gateGradient, upGradient: product)
        }
    }

    func update(into rates: inout MachineRates) throws(LensError) {
        let count = max(1, min(configuration.parameterCount, Self.streamElements))
        let (parameters, gradients) = (try matrix(1, count), try matrix(1, count))
        let (first, second) = (try matrix(1, count), try matrix(1, count))
        try rates.measure(.update, Double(count)) { () throws(LensError) in
            gradients.fill(0)
            _ = try runtime.sumOfSquares(gradients)
            try runtime.adamW(
                parameters: parameters, gradients: gradients, firstMoments: first, secondMoments: second,
                settings: AdamWSettings(), step: 1)
        }
        try rates.measure(.check, Double(count)) { () throws(LensError) in _ = try runtime.firstNonFinite(gradients) }
    }
}
