import LensData
import LensSupport
import LensWeighting

/// The weights of one sequence: a line of `longlens weigh`.
package struct WeighedSequence: Sendable, Equatable {
    /// The losses under the long and the short context that the weights come from; of the same tokens.
    package var long, short: ScoreRecord
    /// One a prediction.
    package var weights: [Float]
    package var statistics: WeightStatistics

    package var document: String { long.document }
    package var sequence: Int { long.sequence }

    /// The weights as a JSON line, with its line feed.
    package func jsonLine() -> [UInt8] {
        var line = Array("{\"document\":".utf8)
        line.appendJSON(document)
        line += ",\"sequence\":\(sequence),\"weights\":".utf8
        line.appendJSON(weights)
        line += ",\"mean\":\(statistics.mean),\"std\":\(statistics.standardDeviation)".utf8
        line += ",\"nonzero\":\(statistics.nonzeroFraction)}\n".utf8
        return line
    }
}

/// Compares two score files of the same tokens, sequence by sequence, and gives the weights that training would use.
package final class ScoreWeighing {
    private let long: any ScoreReader
    private let short: any ScoreReader
    private let scheme: WeightingScheme
    private let seed: UInt64
    private var number: UInt64 = 0

    /// - Parameter seed: of the choice among equal scores; sequence n of the files draws from stream n of it.
    package init(long: any ScoreReader, short: any ScoreReader, scheme: WeightingScheme, seed: UInt64 = 0) {
        self.long = long
        self.short = short
        self.scheme = scheme
        self.seed = seed
    }

    /// The next sequence's weights, or nil at the end of both files.
    ///
    /// Throws `.data` where the files' tokens differ, naming document, sequence and token.
    package func next() throws(LensError) -> WeighedSequence? {
        switch (try long.next(), try short.next()) {
        case (nil, nil): return nil
        case (let record?, nil): throw ended(short, before: record, of: long)
        case (nil, let record?): throw ended(long, before: record, of: short)
        case (let long?, let short?): return try weigh(long, short)
        }
    }

    private func weigh(_ a: ScoreRecord, _ b: ScoreRecord) throws(LensError) -> WeighedSequence {
        let common = firstDifference(a.tokens, b.tokens)
        guard common == a.tokens.count && common == b.tokens.count else {
            let other = a.name == b.name ? "" : ", where \(short.path) has \(b.name)"
            throw .data(
                "\(long.path) and \(short.path) are not of the same tokens: in \(a.name)\(other), "
                    + describeDifference(a.tokens, "in the first", b.tokens, "in the second", at: common)
                    + ". Score the same documents with the same tokenizer and --chunk.")
        }
        var generator = SeededGenerator(seed: seed, stream: number)
        number += 1
        let weights = try scheme.finiteWeights(long: a.nll, short: b.nll, of: a.name, generator: &generator)
        return WeighedSequence(long: a, short: b, weights: weights, statistics: WeightStatistics(weights))
    }

    private func ended(_ file: any ScoreReader, before record: ScoreRecord, of other: any ScoreReader) -> LensError {
        .data(
            "\(file.path) ends where \(other.path) has \(record.name). Score the same documents with the same tokenizer "
                + "and --chunk.")
    }
}
