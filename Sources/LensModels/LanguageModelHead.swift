import LensFormats
import LensKernels

/// The language-model head with its cross-entropy, in chunks of tokens: the logits of a whole sequence never exist.
///
/// Pass A gives each prediction's loss and log-sum-exp. The weights may then depend on all losses of the sequence.
/// Pass B computes the logits of a chunk again and turns them into gradients, for tokens of non-zero weight alone.
struct LanguageModelHead {
    private let weight: Matrix
    /// [chunk, vocabulary]
    private let logits: Matrix
    /// Gathered hidden states and their gradients [chunk, hidden].
    private let gathered, gatheredGradient: Matrix
    /// Per prediction [1, T].
    private let losses, logSumExp: Matrix
    /// Of the gathered rows [1, chunk].
    private let gatheredLogSumExp, coefficients: Matrix

    private static let logitsByteLimit = 48 << 20

    /// - Parameter trains: false when only pass A is wanted.
    init(_ configuration: ModelConfiguration, weight: Matrix, length: Int, trains: Bool, arena: Arena) {
        let fitting = Self.logitsByteLimit / (configuration.vocabularySize * MemoryLayout<Float>.stride)
        let chunk = min(length, max(64, fitting / 64 * 64))
        self.weight = weight
        logits = arena.take("logits of a chunk", rows: chunk, columns: configuration.vocabularySize)
        losses = arena.take("losses", rows: 1, columns: length)
        logSumExp = arena.take("losses", rows: 1, columns: length)
        let gatheredRows = trains ? chunk : 0
        gathered = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredGradient = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredLogSumExp = arena.take("head rows", rows: 1, columns: gatheredRows)
        coefficients = arena.take("head rows", rows: 1, columns: gatheredRows)
    }

    /// Pass A: the negative log-likelihood of `tokens[t + 1]` under row t of `hidden` [T, hidden], T - 1 - first values,
    /// from row `first` on.
    func forward(_ hidden: Matrix, tokens: [Int32], from first: Int = 0) -> [Float] {
        let count = tokens.count - 1
        for start in stride(from: first, to: count, by: logits.rows) {
            let range = start..<min(start + logits.rows, count)
            let chunk = logits.rows(0..<range.count)
            multiply(hidden.rows(range), weight, transposeB: true, into: chunk)
            crossEntropy(
                chunk, targets: tokens, in: range.lowerBound + 1..<range.upperBound + 1, loss: losses.columns(range),
                logSumExp: logSumExp.columns(range))
        }
        return losses.columns(first..<count).array
    }

    /// The logits of one row of hidden states: [1, vocabulary], in a buffer that the next call overwrites.
    func logits(of row: Matrix) -> Matrix {
        let result = logits.rows(0..<1)
        multiply(row, weight, transposeB: true, into: result)
        return result
    }

    /// Pass B: `hiddenGradient` [T, hidden] (overwritten) and the head's `weightGradient` (added to) of
    /// the sum over t of coefficients[t] * loss[t], T - 1 coefficients.
    func backward(
        _ hidden: Matrix, tokens: [Int32], coefficients given: [Float], hiddenGradient: Matrix, weightGradient: Matrix
    ) {
        precondition(given.count == tokens.count - 1)
        hiddenGradient.fill(0)
        let rows = given.indices.filter { given[$0] != 0 }
        for start in stride(from: 0, to: rows.count, by: logits.rows) {
            let chunk = rows[start..<min(start + logits.rows, rows.count)]
            let range = 0..<chunk.count
            let (input, inputGradient) = (gathered.rows(range), gatheredGradient.rows(range))
            for (index, row) in chunk.enumerated() {
                input.rows(index..<index + 1).copy(from: hidden.rows(row..<row + 1))
                gatheredLogSumExp[0, index] = logSumExp[0, row]
                coefficients[0, index] = given[row]
            }
            let gradient = logits.rows(range)
            multiply(input, weight, transposeB: true, into: gradient)
            crossEntropyBackward(
                gradient, targets: chunk.map { tokens[$0 + 1] }, logSumExp: gatheredLogSumExp.columns(range),
                weights: coefficients.columns(range))
            multiply(gradient, weight, into: inputGradient)
            multiply(gradient, transposeA: true, input, into: weightGradient, accumulate: true)
            for (index, row) in chunk.enumerated() {
                hiddenGradient.rows(row..<row + 1).copy(from: inputGradient.rows(index..<index + 1))
            }
        }
    }
}
