import Foundation
import LensData
import LensScoring
import LensSupport
import LensTestSupport
import Testing

/// Runs that end inside a sequence and go on there.
@Suite struct UnfinishedScores {
    let folder: TemporaryFolder
    /// 60 losses each: under windows of 8 tokens and 6 from one to the next, 7, eight times 6, and 5.
    let records = makeRecords(3, length: 61)
    let settings = ScoreSettings([("--context", "8")])

    init() throws { folder = try TemporaryFolder() }

    var partial: String { folder.path + "/o.partial" }
    func contents(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
    }

    func open(
        _ name: String = "o", _ format: ScoreFormat = .jsonl, resume: Bool = false, every interval: Duration = .zero,
        warn: (String) -> Void = { Issue.record("\($0)") }
    ) throws -> ScoreOutput {
        try ScoreOutput(
            path: folder.path + "/" + name, format: format, settings: settings, resume: resume, keepInterval: interval,
            warn: warn)
    }

    struct Killed: Error {}

    /// Scores `records` window by window, as a run does; dies after `windows` of them.
    /// - Returns: how many windows were computed.
    @discardableResult
    func run(_ output: ScoreOutput, _ records: [ScoreRecord], windows: Int = .max) throws -> Int {
        var left = windows
        for record in records {
            let sequence = TokenSequence(document: record.document, index: record.sequence, tokens: record.tokens)
            if try output.record(of: sequence, context: 8, stride: 6, model: "tiny") != nil { continue }
            let plan = try WindowPlan(length: record.tokens.count, context: 8, stride: 6)
            var losses = output.knownLosses
            #expect(losses.map(\.bitPattern) == record.nll.prefix(losses.count).map(\.bitPattern))
            let first = try #require(plan.windowCount(ofLosses: losses.count))
            for k in first..<plan.count {
                guard left > 0 else { throw Killed() }
                left -= 1
                let scored = plan[k].scored
                let window = Array(record.nll[scored.lowerBound - 1..<scored.upperBound - 1])
                losses += window
                try output.keep(window)
            }
            var computed = record
            computed.nll = losses
            try output.write(computed)
        }
        return windows - left
    }

    func die(_ output: ScoreOutput, after windows: Int) {
        #expect(throws: Killed.self) { try run(output, records, windows: windows) }
    }

    @Test(arguments: ScoreFormat.allCases) func aRunGoesOnAfterTheLastWindow(format: ScoreFormat) throws {
        let whole = try open("whole", format)
        #expect(try run(whole, records) == 30)
        try whole.finish()

        die(try open("o", format), after: 14)
        do {
            let second = try open("o", format, resume: true)
            let unfinished = KeptScores.Unfinished(
                document: records[1].document, sequence: 1, tokenCount: 8 + 3 * 6, length: 61)
            #expect(second.resumption == .kept(KeptScores(sequenceCount: 1, unfinished: unfinished)))
            die(second, after: 3)
            let said = second.stop()
            #expect(said.contains("1 finished sequence and the first 44 of 61 tokens of sequence 1 of document"))
        }
        let third = try open("o", format, resume: true)
        #expect(try run(third, records) == 30 - 14 - 3)
        try third.finish()
        #expect(try contents("o") == contents("whole"))
        #expect(!FileManager.default.fileExists(atPath: partial))
    }

    /// Losses wait for the interval to pass, and are put in the journal by a stop.
    @Test func aStopKeepsWhatWaits() throws {
        do {
            let output = try open(every: .seconds(3600))
            let before = try contents("o.partial").count
            die(output, after: 4)
            #expect(try contents("o.partial").count == before)
            #expect(output.stop().contains(": the first 26 of 61 tokens of sequence 0 of document"))
            #expect(try contents("o.partial").count > before)
        }
        #expect(try run(try open(resume: true), records) == 26)
    }

    @Test func stoppingInRegretDiscardsIt() throws {
        let output = try open()
        die(output, after: 4)
        #expect(output.stop(discarding: true) == "Nothing is kept.")
        #expect(!FileManager.default.fileExists(atPath: partial))

        die(try open(), after: 4)
        let resumed = try open(resume: true)
        die(resumed, after: 1)
        #expect(resumed.stop(discarding: true).contains("the first 32 of 61"))
    }

    /// Wherever the journal is cut, what is whole before is taken, and the result is the same.
    @Test func aTornLineIsDropped() throws {
        let whole = try open("whole")
        try run(whole, records)
        try whole.finish()
        die(try open(), after: 16)
        let journal = Array(try contents("o.partial"))
        let ends = journal.indices.filter { journal[$0] == 0x0A }
        // Settings; 10 windows, their record, 6 windows.
        #expect(ends.count == 1 + 9 + 1 + 1 + 6)
        for byteCount in stride(from: journal.count, through: 0, by: -13) {
            try folder.write("o.partial", Array(journal[..<byteCount]))
            let lines = ends.count { $0 < byteCount }
            let output = try open(resume: true)
            #expect(try run(output, records) == 30 - max(0, lines > 11 ? lines - 2 : lines - 1))
            try output.finish()
            #expect(try contents("o") == contents("whole"))
            try FileManager.default.removeItem(atPath: folder.path + "/o")
        }
    }

    @Test func damageEndsWhatIsKept() throws {
        die(try open(), after: 9)
        var journal = Array(try contents("o.partial"))
        let ends = journal.indices.filter { journal[$0] == 0x0A }
        journal[ends[5] + 60] ^= 1
        try folder.write("o.partial", journal)
        var warnings: [String] = []
        #expect(try run(try open(resume: true, warn: { warnings.append($0) }), records) == 30 - 5)
        #expect(warnings.count == 1 && warnings[0].contains("damaged after the first 32 of 61 tokens"))
    }

    @Test func aMissingLineIsDamage() throws {
        die(try open(), after: 9)
        let journal = Array(try contents("o.partial"))
        let ends = journal.indices.filter { journal[$0] == 0x0A }
        try folder.write("o.partial", Array(journal[...ends[3]] + journal[(ends[4] + 1)...]))
        var warnings: [String] = []
        #expect(try run(try open(resume: true, warn: { warnings.append($0) }), records) == 30 - 3)
        #expect(warnings.count == 1)
    }

    @Test func otherDocumentsAreRefused() throws {
        die(try open(), after: 14)
        let before = try contents("o.partial")
        func refused(_ change: (inout [ScoreRecord]) -> Void) throws -> String {
            var changed = records
            change(&changed)
            let error = #expect(throws: LensError.self) {
                let output = try open(resume: true)
                try run(output, changed)
                try output.finish()
            }
            #expect(error?.kind == .usage)
            return error?.message ?? ""
        }
        #expect(try refused { $0[1].tokens[60] = 60_000 }.contains("the tokens are others"))
        #expect(try refused { $0[1].tokens.append(1) }.contains("61 tokens and there are 62 now"))
        #expect(try refused { $0[1].document = "other" }.contains("document \"other\" now"))
        #expect(try refused { $0.removeLast(2) }.contains("more documents: it has sequence 1"))
        let error = #expect(throws: LensError.self) {
            let output = try open(resume: true)
            let sequences = records.map { TokenSequence(document: $0.document, index: $0.sequence, tokens: $0.tokens) }
            _ = try output.record(of: sequences[0], context: 8, stride: 6, model: "tiny")
            _ = try output.record(of: sequences[1], context: 8, stride: 5, model: "tiny")
        }
        #expect(error?.kind == .usage && error?.message.contains("stride is 6 there and 5 now") == true)
        #expect(try contents("o.partial") == before)
    }

    @Test func litterIsRemovedWithAWord() throws {
        die(try open(), after: 4)
        var warnings: [String] = []
        let output = try open(warn: { warnings.append($0) })
        #expect(warnings.count == 1 && warnings[0].contains("the first 26 of 61 tokens"))
        #expect(try run(output, records) == 30)
        try output.finish()
        #expect(try readAll(folder.path + "/o") == records)
    }

    /// Zeros of either sign, subnormal numbers and the largest keep their bits.
    @Test func lossesKeepTheirBits() throws {
        var record = makeRecords(1, length: 9)[0]
        record.nll = [-0.0, 0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, .pi, -0.001, 1e-20, 16_777_215]
        let plan = try WindowPlan(length: 9, context: 8, stride: 6)
        #expect(plan.count == 2)
        #expect(throws: Killed.self) { try run(try open(), [record], windows: 1) }
        let output = try open(resume: true)
        let sequence = TokenSequence(document: record.document, index: record.sequence, tokens: record.tokens)
        #expect(try output.record(of: sequence, context: 8, stride: 6, model: "tiny") == nil)
        #expect(output.knownLosses.map(\.bitPattern) == record.nll[..<7].map(\.bitPattern))
    }
}
