import Foundation
import LensData
import LensModels
import LensScoring
import LensSupport

/// What a scorer gives of one window: the losses of its predictions from `first` on.
typealias LossesOfWindow = (_ tokens: [Int32], _ first: Int) throws(LensError) -> [Float]

extension WindowScoring {
    /// Windows computed by `losses`, one by one.
    convenience init(
        batch: Int, bosToken: Int32?, each losses: @escaping LossesOfWindow,
        before: @escaping ([InferencePass.Window], WorkPart) -> Void = { _, _ in }
    ) {
        self.init(batch: batch, bosToken: bosToken) { (windows, part) throws(LensError) in
            before(windows, part)
            var result: [[Float]] = []
            for window in windows {
                result.append(window.lossCount > 0 ? try losses(window.tokens, window.first) : [])
            }
            return result
        }
    }
}

/// The losses of one sequence, whose windows are computed together up to `batch` tokens.
func windowedLosses(
    _ tokens: [Int32], plan: WindowPlan, bosToken: Int32?, known: [Float] = [], batch: Int = 1,
    losses: @escaping LossesOfWindow, afterWindow: @escaping ([Float]) -> Void = { _ in }
) throws(LensError) -> [Float] {
    let scoring = WindowScoring(batch: batch, bosToken: bosToken, each: losses)
    var result: [[Float]] = []
    scoring.afterWindow = { (_, losses) throws(LensError) in afterWindow(losses) }
    scoring.afterSequence = { (_, _, losses) throws(LensError) in result.append(losses) }
    try scoring.add(TokenSequence(document: "d", index: 0, tokens: tokens), plan: plan, known: known)
    try scoring.finish()
    guard result.count == 1 else { throw .usage("\(result.count) ends of a sequence") }
    return result[0]
}

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
