import Foundation
import LensScoring
import LensSupport
import LensWeighting
import LensTestSupport
import Testing

@Suite struct Weighing {
    /// All weights of two files of these records.
    func weigh(_ long: [ScoreRecord], _ short: [ScoreRecord], _ spec: String, seed: UInt64 = 0) throws
        -> [WeighedSequence]
    {
        let folder = try TemporaryFolder()
        let weighing = ScoreWeighing(
            long: try ScoreFormat.reader(folder.write("long.jsonl", lines(long))),
            short: try ScoreFormat.reader(folder.write("short.jsonl", lines(short))), scheme: try WeightingScheme(spec),
            seed: seed)
        var result: [WeighedSequence] = []
        while let next = try weighing.next() { result.append(next) }
        return result
    }

    /// The same tokens with other losses.
    func rescored(_ records: [ScoreRecord]) -> [ScoreRecord] {
        records.map { record in
            var other = record
            other.nll = record.nll.reversed()
            return other
        }
    }

    @Test func weightsOfEverySequence() throws {
        let long = makeRecords(5), short = rescored(makeRecords(5))
        let result = try weigh(long, short, "dense:lambda=0.75")
        #expect(result.map(\.document) == long.map(\.document) && result.map(\.sequence) == long.map(\.sequence))
        let scheme = try WeightingScheme("dense:lambda=0.75")
        for (n, sequence) in result.enumerated() {
            var generator = SeededGenerator(seed: 0)
            let weights = try scheme.weights(long: long[n].nll, short: short[n].nll, generator: &generator)
            #expect(sequence.weights == weights)
            #expect(sequence.statistics == WeightStatistics(sequence.weights))
        }
    }

    @Test func seedDecidesAmongEqualScores() throws {
        let records = makeRecords(3)
        let one = try weigh(records, records, "sparse:kappa=0.4", seed: 1)
        #expect(try weigh(records, records, "sparse:kappa=0.4", seed: 1) == one)
        #expect(try weigh(records, records, "sparse:kappa=0.4", seed: 2) != one)
        #expect(one[0].weights != one[1].weights, "each sequence draws anew")
    }

    @Test func lineIsPlainJSON() throws {
        let records = makeRecords(1)
        let result = try weigh(records, rescored(records), "sparse:kappa=0.2")[0]
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.jsonLine())) as? [String: Any])
        #expect(Set(object.keys) == ["document", "sequence", "weights", "mean", "std", "nonzero"])
        #expect((object["weights"] as? [Double])?.map(Float.init) == result.weights)
        #expect(abs((object["mean"] as? Double ?? 0) - 1) < 1e-6)
        #expect(object["nonzero"] as? Double == 2.0 / 11)
    }

    @Test func differentTokensNameTheFirstDifference() throws {
        let long = makeRecords(4)
        var short = rescored(long)
        short[2].tokens[5] = 99_999
        let error = #expect(throws: LensError.self) { try weigh(long, short, "dense") }
        #expect(error?.kind == .data)
        let message = error?.message ?? ""
        #expect(message.contains("in sequence 2 of document \"doc 0 "))
        #expect(message.contains("token 5 is \(long[2].tokens[5]) in the first and 99999 in the second"), "\(message)")
    }

    @Test func differentLengthsAndCounts() throws {
        let long = makeRecords(4)
        var short = rescored(long)
        short[1].tokens.removeLast()
        short[1].nll.removeLast()
        #expect(throws: LensError.self) { try weigh(long, short, "dense") }
        for (long, short) in [(long, Array(long.dropLast())), (Array(long.dropLast()), long)] {
            let error = #expect(throws: LensError.self) { try weigh(long, short, "dense") }
            #expect(error?.message.contains("ends where") == true)
        }
    }
}
