import Foundation
import LensData
import LensScoring
import LensSupport

/// Its loss of a token tells the token, how many tokens the window shows to its left, and the window's first token.
enum TellingScorer {
    static func losses(_ tokens: [Int32], from first: Int) throws(LensError) -> [Float] {
        (1 + first..<max(1 + first, tokens.count)).map { loss(tokens[$0], context: $0, first: tokens[0]) }
    }

    static func loss(_ token: Int32, context: Int, first: Int32) -> Float {
        Float(token) + Float(context) / 1024 + Float(first) * 4096
    }
}

/// Records of `count` sequences with reproducible tokens and losses.
func makeRecords(_ count: Int, length: Int = 12, seed: UInt64 = 1) -> [ScoreRecord] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { n in
        ScoreRecord(
            document: "doc \(n / 3) \"ä\"\n", sequence: n % 3,
            tokens: (0..<length).map { _ in Int32(generator.below(50_000)) },
            nll: (1..<length).map { _ in Float(generator.unit() * 12) }, context: 8, stride: 6, model: "tiny")
    }
}

func lines(_ records: [ScoreRecord]) -> [UInt8] { records.flatMap { $0.jsonLine() } }

func readAll(_ path: String) throws -> [ScoreRecord] {
    let reader = try ScoreFormat.reader(path)
    var records: [ScoreRecord] = []
    while let record = try reader.next() { records.append(record) }
    return records
}
