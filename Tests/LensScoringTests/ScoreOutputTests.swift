import Foundation
import LensData
import LensScoring
import LensSupport
import LensTestSupport
import Testing

@Suite struct ScoreOutputs {
    let folder: TemporaryFolder
    let records = makeRecords(9)
    let settings = ScoreSettings([("--context", "8"), ("the model's weights", "abc")])

    init() throws { folder = try TemporaryFolder() }

    var names: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.sorted() ?? [] }
    func contents(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
    }

    func open(
        _ name: String, _ format: ScoreFormat = .jsonl, _ settings: ScoreSettings? = nil, resume: Bool = false,
        warnings: (String) -> Void = { Issue.record("\($0)") }
    ) throws -> ScoreOutput {
        try ScoreOutput(
            path: folder.path + "/" + name, format: format, settings: settings ?? self.settings, resume: resume,
            warn: warnings)
    }

    func kept(_ count: Int) -> ScoreOutput.Resumption { .kept(KeptScores(sequenceCount: count)) }

    /// Gives `records` in order, as a run of scoring does: those that are kept already are not computed.
    func run(_ output: ScoreOutput, _ records: ArraySlice<ScoreRecord>) throws -> Int {
        var computed = 0
        for record in records {
            let sequence = TokenSequence(document: record.document, index: record.sequence, tokens: record.tokens)
            if let kept = try output.record(of: sequence, context: 8, stride: 6, model: "tiny") {
                #expect(kept == record)
            } else {
                try output.write(record)
                computed += 1
            }
        }
        return computed
    }

    @Test(arguments: ScoreFormat.allCases) func aResumedRunGivesTheSameBytes(format: ScoreFormat) throws {
        let whole = try open("whole", format)
        #expect(try run(whole, records[...]) == 9)
        try whole.finish()
        #expect(names == ["whole"])

        // Killed: the objects go without a word.
        #expect(try run(try open("o", format), records[..<4]) == 4)
        #expect(names == ["o.partial", "whole"])
        do {
            let second = try open("o", format, resume: true)
            #expect(second.resumption == kept(4))
            #expect(try run(second, records[..<6]) == 2)
            #expect(second.stop().contains("6 finished sequences"))
        }
        let third = try open("o", format, resume: true)
        #expect(try run(third, records[...]) == 3)
        try third.finish()
        #expect(try contents("o") == contents("whole"))
        #expect(names == ["o", "whole"])

        // Once more: it is complete, and is compared.
        let fourth = try open("o", format, resume: true)
        #expect(fourth.resumption == .complete)
        #expect(try run(fourth, records[...]) == 0)
        try fourth.finish()
        #expect(names == ["o", "whole"])
    }

    /// Sequences are asked for before those in front of them are written, as they are when they are computed together; a run
    /// may end anywhere.
    @Test(arguments: ScoreFormat.allCases) func sequencesMayBeAskedForAhead(format: ScoreFormat) throws {
        let whole = try open("whole", format)
        #expect(try run(whole, records[...]) == 9)
        try whole.finish()
        for ahead in [2, 3, 9] {
            for windowsKept in 0...2 {
                var resume = false
                // Each run computes one sequence more and some windows of the next, and is killed.
                for written in 0...8 {
                    let output = try ScoreOutput(
                        path: folder.path + "/o", format: format, settings: settings, resume: resume,
                        keepInterval: .zero, warn: { Issue.record("\($0)") })
                    var waiting: [ScoreRecord] = [], computed = 0, known: [[Float]] = []
                    for record in records {
                        let sequence = TokenSequence(
                            document: record.document, index: record.sequence, tokens: record.tokens)
                        if try output.record(of: sequence, context: 8, stride: 6, model: "tiny") != nil { continue }
                        known.append(output.knownLosses)
                        waiting.append(record)
                        guard waiting.count == ahead || record == records[8] else { continue }
                        if computed == 0 {
                            let nll = waiting[0].nll
                            #expect(known[0] == (resume && windowsKept > 0 ? Array(nll[..<7]) : []))
                            if known[0].isEmpty && windowsKept > 1 { try output.keep(Array(nll[..<7])) }
                            try output.write(waiting.removeFirst())
                            computed += 1
                        }
                        if let next = waiting.first, windowsKept > 0 { try output.keep(Array(next.nll[..<7])) }
                        break
                    }
                    #expect(known.dropFirst().allSatisfy { $0.isEmpty }, "only the first was begun before")
                    #expect(computed == 1, "\(written)")
                    resume = true
                }
                let last = try open("o", format, resume: true)
                #expect(last.resumption == kept(9))
                #expect(try run(last, records[...]) == 0)
                try last.finish()
                #expect(try contents("o") == contents("whole"))
                try FileManager.default.removeItem(atPath: folder.path + "/o")
            }
        }
    }

    @Test func aTornLineIsDropped() throws {
        let whole = try open("whole")
        _ = try run(whole, records[...])
        try whole.finish()
        _ = try run(try open("o"), records[..<3])
        let journal = Array(try contents("o.partial"))
        let ends = journal.indices.filter { journal[$0] == 0x0A }
        for byteCount in stride(from: journal.count - 1, through: 0, by: -7) {
            try folder.write("o.partial", Array(journal[..<byteCount]))
            let output = try open("o", resume: true)
            let count = max(0, ends.count { $0 < byteCount } - 1)
            #expect(output.resumption == (count > 0 ? kept(count) : .nothingThere))
            #expect(try run(output, records[...]) == 9 - count)
            try output.finish()
            #expect(try contents("o") == contents("whole"))
        }
    }

    @Test func aDamagedLineEndsWhatIsKept() throws {
        _ = try run(try open("o"), records[..<5])
        var journal = Array(try contents("o.partial"))
        let ends = journal.indices.filter { journal[$0] == 0x0A }
        journal[ends[2] + 40] ^= 1
        try folder.write("o.partial", journal)
        var warnings: [String] = []
        #expect(try open("o", resume: true, warnings: { warnings.append($0) }).resumption == kept(2))
        #expect(warnings.count == 1 && warnings[0].contains("damaged"))
    }

    @Test func aDamagedFirstLineIsSaid() throws {
        _ = try run(try open("o"), records[..<5])
        var journal = Array(try contents("o.partial"))
        journal[64] ^= 1
        try folder.write("o.partial", journal)
        var warnings: [String] = []
        #expect(try open("o", resume: true, warnings: { warnings.append($0) }).resumption == .nothingThere)
        #expect(warnings.count == 1 && warnings[0].contains("first line"))
    }

    @Test func anotherVersionsJournalStays() throws {
        let journal = "0123456789abcdef {\"journal\":\"longlens score journal 1\"}\n"
        try folder.write("o.partial", journal)
        for resume in [false, true] {
            let error = #expect(throws: LensError.self) { try open("o", resume: resume) }
            #expect(error?.kind == .usage && error?.message.contains("another version") == true)
        }
        #expect(try String(decoding: contents("o.partial"), as: UTF8.self) == journal)
    }

    @Test func otherSettingsAreRefused() throws {
        _ = try run(try open("o"), records[..<5])
        let before = try contents("o.partial")
        let others = [
            [("--context", "9"), ("the model's weights", "abc")], [("--context", "8"), ("the model's weights", "abd")],
            [("--context", "8")], [("--context", "8"), ("the model's weights", "abc"), ("--chunk", "4")],
        ]
        let hints = ["--context 8, and now it is 9", "abc, and now it is abd", "not set", "--chunk not set"]
        for (other, hint) in zip(others, hints) {
            let error = #expect(throws: LensError.self) { try open("o", .jsonl, ScoreSettings(other), resume: true) }
            #expect(error?.kind == .usage && error?.message.contains(hint) == true, "\(error?.message ?? "")")
        }
        #expect(try contents("o.partial") == before)
    }

    @Test func otherDocumentsAreRefused() throws {
        _ = try run(try open("o"), records[..<5])
        func refused(_ change: (inout [ScoreRecord]) -> Void) throws -> String {
            var changed = Array(records.prefix(6))
            change(&changed)
            let error = #expect(throws: LensError.self) {
                let output = try open("o", resume: true)
                _ = try run(output, changed[...])
                try output.finish()
            }
            #expect(error?.kind == .usage)
            return error?.message ?? ""
        }
        #expect(try refused { $0[3].tokens[2] = 60_000 }.contains("token 2 is"))
        #expect(try refused { $0[3].document = "other" }.contains("other"))
        #expect(try refused { $0.remove(at: 2) }.contains("token 0 is"))
        #expect(try refused { $0.removeLast(3) }.contains("more documents"))
        #expect(names == ["o.partial"])
    }

    @Test func aFinishedFileOfOtherDocumentsIsRefused() throws {
        let output = try open("o")
        _ = try run(output, records[..<5])
        try output.finish()
        let before = try contents("o")
        for other in [records[..<4], records[...], records[1...]] {
            let error = #expect(throws: LensError.self) {
                let output = try open("o", resume: true)
                _ = try run(output, other)
                try output.finish()
            }
            #expect(error?.kind == .usage)
        }
        #expect(try contents("o") == before)
    }

    @Test func litterIsRemovedWithAWord() throws {
        _ = try run(try open("o"), records[..<5])
        var warnings: [String] = []
        let output = try open("o", warnings: { warnings.append($0) })
        #expect(output.resumption == .none)
        #expect(warnings.count == 1 && warnings[0].contains("5 finished sequences"))
        #expect(try run(output, records[...]) == 9)
        try output.finish()
        #expect(names == ["o"])
    }

    @Test func otherPeoplesFilesStay() throws {
        for content in ["mine\n", "0123456789abcdef {\"journal\":\"other\"}\n", "{}\n{}\n"] {
            try folder.write("o.partial", content)
            for resume in [false, true] {
                let error = #expect(throws: LensError.self) { try open("o", resume: resume) }
                #expect(error?.kind == .io && error?.message.contains("in the way") == true)
            }
            #expect(try String(decoding: contents("o.partial"), as: UTF8.self) == content)
        }
        try FileManager.default.removeItem(atPath: folder.path + "/o.partial")
        let target = try folder.write("target", "mine")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/o.partial", withDestinationPath: target)
        #expect(#expect(throws: LensError.self) { try open("o") }?.message.contains("link") == true)
        #expect(try contents("target") == Data("mine".utf8))
    }

    @Test func twoRunsDoNotShareIt() throws {
        let first = try open("o")
        for resume in [false, true] {
            let error = #expect(throws: LensError.self) { try open("o", resume: resume) }
            #expect(error?.kind == .usage && error?.message.contains("in use") == true)
        }
        _ = try run(first, records[...])
        try first.finish()
        #expect(try readAll(folder.path + "/o") == records)
    }

    @Test func stoppingKeepsWhatIsWorthKeeping() throws {
        #expect(try open("o").stop() == "Nothing is kept.")
        #expect(names.isEmpty)
        let regretted = try open("o")
        _ = try run(regretted, records[..<2])
        #expect(regretted.stop(discarding: true) == "Nothing is kept.")
        #expect(names.isEmpty)
        _ = try run(try open("o"), records[..<2])
        let resumed = try open("o", resume: true)
        _ = try run(resumed, records[..<3])
        // What an earlier run had done is not this one's to discard.
        #expect(resumed.stop(discarding: true).contains("3 finished sequences"))
        #expect(names == ["o.partial"])
    }

    @Test func whatCannotBeResumedIsRefused() throws {
        for (path, format, resume) in [
            (nil, ScoreFormat.safetensors, false), (nil, .jsonl, true), ("/dev/null", .safetensors, false),
            ("/dev/null", .jsonl, true),
        ] {
            let error = #expect(throws: LensError.self) {
                try ScoreOutput(path: path, format: format, settings: settings, resume: resume, warn: { _ in })
            }
            #expect(error?.kind == .usage)
        }
        #expect(#expect(throws: LensError.self) { try open("none/o") }?.kind == .io)
        try FileManager.default.createDirectory(atPath: folder.path + "/f", withIntermediateDirectories: false)
        #expect(#expect(throws: LensError.self) { try open("f") }?.kind == .io)
        #expect(names == ["f"])
    }
}
