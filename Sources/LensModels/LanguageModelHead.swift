import LensFormats
import LensKernels
import LensSupport

/// The language-model head with its cross-entropy.
///
/// Pass A gives each prediction's loss and log-sum-exp; logits exist for a few tokens and columns at a time, unless pass B
/// is to find them. The weights may then depend on all losses of the sequence. Pass B turns the logits of a chunk of
/// tokens, kept or computed again, into gradients, for tokens of non-zero weight alone.
struct LanguageModelHead {
    private let weight: Weights
    /// Tokens whose logits pass B has at a time.
    private let chunk: Int
    /// [T, vocabulary] where pass B finds the logits of pass A, [chunk, vocabulary] where it computes them again, else one
    /// row.
    private let logits: Matrix
    private let keepsLogits: Bool
    /// Gathered hidden states and their gradients [chunk, hidden].
    private let gathered, gatheredGradient: Matrix
    /// Per prediction [1, T]; log-sum-exps for pass B alone.
    private let losses: Matrix
    private let logSumExp: Matrix?
    /// Of the gathered rows [1, chunk].
    private let gatheredLogSumExp, coefficients: Matrix

    private static let logitsByteLimit = 48 << 20

    /// Tokens whose logits pass B has at a time, of sequences of `length`.
    static func chunk(_ configuration: ModelConfiguration, length: Int) -> Int {
        let fitting = logitsByteLimit / (configuration.vocabularySize * MemoryLayout<Float>.stride)
        return min(length, max(64, fitting / 64 * 64))
    }

    /// - Parameters:
    ///   - trains: false when only pass A is wanted.
    ///   - keepsLogits: for pass B, instead of computing them twice.
    init(
        _ configuration: ModelConfiguration, weight: Weights, length: Int, trains: Bool, keepsLogits: Bool = false,
        arena: Arena
    ) {
        self.weight = weight
        self.keepsLogits = keepsLogits
        chunk = Self.chunk(configuration, length: length)
        logits = arena.take(
            keepsLogits ? "logits" : trains ? "logits of a chunk" : "logits of a token",
            rows: keepsLogits ? length : trains ? chunk : 1, columns: configuration.vocabularySize)
        losses = arena.take("losses", rows: 1, columns: length)
        logSumExp = trains ? arena.take("losses", rows: 1, columns: length) : nil
        let gatheredRows = trains ? chunk : 0
        gathered = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredGradient = arena.take("head rows", rows: gatheredRows, columns: configuration.hiddenSize)
        gatheredLogSumExp = arena.take("head rows", rows: 1, columns: gatheredRows)
        coefficients = arena.take("head rows", rows: 1, columns: gatheredRows)
    }

    /// Pass A: the negative log-likelihood of the target of each row of `hidden` [N, hidden].
    func forward(_ hidden: Matrix, targets: [Int32], on runtime: Runtime) throws(LensError) -> [Float] {
        let rows = 0..<hidden.rows, losses = losses.columns(rows)
        switch weight {
        case .f32(let weight):
            try runtime.headLosses(
                hidden, weight, targets: targets, into: losses, logSumExp: logSumExp?.columns(rows),
                logits: keepsLogits ? logits.rows(rows) : nil)
        case .stored(let weight): try runtime.headLosses(hidden, weight, targets: targets, into: losses)
        }
        return losses.array
    }

    /// The logits of one row of hidden states: [1, vocabulary], in a buffer that the next call overwrites.
    func logits(of row: Matrix, on runtime: Runtime) throws(LensError) -> Matrix {
        let result = logits.rows(0..<1)
        try runtime.multiply(row, weight, into: result)
        return result
    }

    /// Pass B: `hiddenGradient` [T, hidden] (overwritten) and the head's `weightGradient` (added to) of
    /// the sum over t of coefficients[t] * loss[t], T - 1 coefficients. Once for each pass A over those rows.
    ///
    /// - Parameter tokens: those whose coefficient is not zero.
    func backward(
        _ hidden: Matrix, targets: [Int32], coefficients given: [Float], tokens: WeightedTokens,
        hiddenGradient: Matrix, weightGradient: Matrix, on runtime: Runtime
    ) throws(LensError) {
        precondition(given.count == tokens.length && targets.count == tokens.length)
        guard let logSumExp else { preconditionFailure("gradients are of passes that train") }
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
