import LensFormats
import LensKernels
import LensSupport

/// The language-model head with its cross-entropy, in chunks of tokens: the logits of a whole sequence never exist. Under
/// quantized weights none are stored at all.
///
/// Pass A gives each prediction's loss and log-sum-exp. The weights may then depend on all losses of the sequence.
/// Pass B turns the logits of a chunk, kept or computed again, into gradients, for tokens of non-zero weight alone.
struct LanguageModelHead {
    private let weight: Weights
    /// Tokens whose logits are computed at a time.
    private let chunk: Int
    /// [chunk, vocabulary], or [T, vocabulary] where pass B finds the logits of pass A; one row under quantized weights.
    private let logits: Matrix
    private let keepsLogits: Bool
    /// Gathered hidden states and their gradients [chunk, hidden].
    private let gathered, gatheredGradient: Matrix
    /// Per prediction [1, T].
    private let losses, logSumExp: Matrix
    /// Of the gathered rows [1, chunk].
    private let gatheredLogSumExp, coefficients: Matrix

    private static let logitsByteLimit = 48 << 20

    /// - Parameters:
    ///   - trains: false when only pass A is wanted.
    ///   - keepsLogits: for pass B, instead of computing them twice.
    init(
        _ configuration: ModelConfiguration, weight: Weights, length: Int, trains: Bool, keepsLogits: Bool = false,
        arena: Arena
    ) {
        self.weight = weight
        self.keepsLogits = keepsLogits
        let isQuantized = Self.storesNoLogits(weight)
        chunk = Self.logitRows(configuration, length: length, nil)
        logits = arena.take(
            keepsLogits ? "logits" : isQuantized ? "logits of a token" : "logits of a chunk",
            rows: keepsLogits ? length : isQuantized ? 1 : chunk, columns: configuration.vocabularySize)
        losses = arena.take("losses", rows: 1, columns: length)
        logSumExp = arena.take("losses", rows: 1, columns: isQuantized ? 0 : length)
        let gatheredRows = trains ? chunk : 0
        gathered = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredGradient = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredLogSumExp = arena.take("head rows", rows: 1, columns: gatheredRows)
        coefficients = arena.take("head rows", rows: 1, columns: gatheredRows)
    }

    /// Rows of logits that exist at a time, under weights with such products, or fp32.
    static func logitRows(_ configuration: ModelConfiguration, length: Int, _ products: StoredProducts?) -> Int {
        if products == .int8 { return 1 }
        let fitting = logitsByteLimit / (configuration.vocabularySize * MemoryLayout<Float>.stride)
        return min(length, max(64, fitting / 64 * 64))
    }

    private static func storesNoLogits(_ weight: Weights) -> Bool {
        if case .stored(let matrix) = weight { matrix.type.products == .int8 } else { false }
    }

    /// Pass A: the negative log-likelihood of `tokens[t + 1]` under row t of `hidden` [T, hidden], T - 1 - first values,
    /// from row `first` on.
    func forward(
        _ hidden: Matrix, tokens: [Int32], from first: Int = 0, on runtime: Runtime
    ) throws(LensError) -> [Float] {
        let count = tokens.count - 1
        if Self.storesNoLogits(weight), case .stored(let weight) = weight {
            try runtime.headLosses(
                hidden.rows(first..<count), weight, targets: tokens, in: first + 1..<count + 1,
                into: losses.columns(first..<count))
            return losses.columns(first..<count).array
        }
        for start in stride(from: first, to: count, by: chunk) {
            let range = start..<min(start + chunk, count)
            let logits = logits.rows(keepsLogits ? range : 0..<range.count)
            try runtime.multiply(hidden.rows(range), weight, into: logits)
            try runtime.crossEntropy(
                logits, targets: tokens, in: range.lowerBound + 1..<range.upperBound + 1, loss: losses.columns(range),
                logSumExp: logSumExp.columns(range))
        }
        return losses.columns(first..<count).array
    }

    /// The logits of one row of hidden states: [1, vocabulary], in a buffer that the next call overwrites.
    func logits(of row: Matrix, on runtime: Runtime) throws(LensError) -> Matrix {
        let result = logits.rows(0..<1)
        try runtime.multiply(row, weight, into: result)
        return result
    }

    /// Pass B: `hiddenGradient` [T, hidden] (overwritten) and the head's `weightGradient` (added to) of
    /// the sum over t of coefficients[t] * loss[t], T - 1 coefficients. Once for each pass A, from row 0 on.
    ///
    /// - Parameter tokens: those whose coefficient is not zero.
    func backward(
        _ hidden: Matrix, targets: [Int32], coefficients given: [Float], tokens: WeightedTokens,
        hiddenGradient: Matrix, weightGradient: Matrix, on runtime: Runtime
    ) throws(LensError) {
        precondition(given.count == tokens.length && targets.count == tokens.length)
        hiddenGradient.fill(0)
        for batch in tokens.batches(of: chunk) {
            let rows = Array(tokens.rows[batch.places])
            let places = 0..<rows.count
            let (input, inputGradient) = (gathered.rows(places), gatheredGradient.rows(places))
            input.copyRows(rows, of: hidden)
            for (place, row) in rows.enumerated() {
                gatheredLogSumExp[0, place] = logSumExp[0, row]
                coefficients[0, place] = given[row]
            }
            let gradient = try batchLogits(rows, input, on: runtime)
            try runtime.crossEntropyBackward(
                gradient, targets: rows.map { targets[$0] }, logSumExp: gatheredLogSumExp.columns(places),
                weights: coefficients.columns(places))
            try runtime.multiply(gradient, weight.matrix, into: inputGradient)
            for block in batch.blocks {
                try runtime.multiply(
                    gradient.rows(block), transposeA: true, input.rows(block), into: weightGradient, accumulate: true)
            }
            hiddenGradient.replaceRows(rows, with: inputGradient)
        }
    }

    /// The logits of the given rows, ascending, whose hidden states are `input`.
    private func batchLogits(_ rows: [Int], _ input: Matrix, on runtime: Runtime) throws(LensError) -> Matrix {
        if keepsLogits, let first = rows.first, let last = rows.last {
            return logits.rows(first..<last + 1).gatherRows(rows.map { $0 - first })
        }
        let batch = logits.rows(0..<rows.count)
        try runtime.multiply(input, weight, into: batch)
        return batch
    }
}
