import Foundation
import LensData
import LensScoring
import LensSupport
import LensTestSupport
import Testing

@Suite struct ScoreLines {
    @Test func recordsReadBackTheSame() throws {
        let folder = try TemporaryFolder()
        var records = makeRecords(7)
        records[0].nll = [
            0, -0.0, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0.1, 1 / 3, 1e-5,
            16_777_216, 5, 1e10,
        ]
        records[1].model = nil
        records[2].context = nil
        records[2].stride = nil
        records[3].tokens = [.max]
        records[3].nll = []
        #expect(try readAll(folder.write("s.jsonl", lines(records))) == records)
    }

    @Test func lineIsPlainJSON() throws {
        let record = makeRecords(1)[0]
        let object = try #require(try JSONSerialization.jsonObject(with: Data(record.jsonLine())) as? [String: Any])
        #expect(Set(object.keys) == ["document", "sequence", "tokens", "nll", "context", "stride", "model"])
        #expect(object["document"] as? String == record.document)
        #expect((object["tokens"] as? [Int])?.map(Int32.init) == record.tokens)
        #expect((object["nll"] as? [Double])?.map(Float.init) == record.nll)
    }

    @Test func otherProgramsLinesAreRead() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "s.jsonl",
            "\r\n"
                + #"{"extra": {"a": [1, null]}, "nll": [1.5, 2E-1, 3], "tokens": [1, 2, 3, 4], "sequence": 0, "document": 12}"#
                + "\r\n\n")
        #expect(
            try readAll(path) == [ScoreRecord(document: "12", sequence: 0, tokens: [1, 2, 3, 4], nll: [1.5, 0.2, 3])])
    }

    @Test(arguments: [
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[null]}", "nll[0] must be a finite number"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[NaN]}", "nll[0] must be a finite number"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[1e99]}", "nll[0] is 1e99"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[\"1\"]}", "nll[0] must be a finite number"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[-3.5]}", "without the minus sign"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[1,2]}", "one fewer"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,-2],\"nll\":[1]}", "tokens[1] is -2"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[],\"nll\":[]}", "no tokens"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2]}", "no \"nll\""),
        ("{\"document\":\"d\",\"tokens\":[1,2],\"nll\":[1]}", "no \"sequence\""),
        ("{\"sequence\":0,\"tokens\":[1,2],\"nll\":[1]}", "no \"document\""),
        ("{\"document\":\"d\",\"sequence\":-1,\"tokens\":[1,2],\"nll\":[1]}", "sequence is -1"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[1],\"nll\":[1]}", "twice"),
        ("{\"document\":\"d\",\"sequence\":0,\"tokens\":[1,2],\"nll\":[1]", "ends"),
    ]) func malformedLinesNameFileAndLine(line: String, hint: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("s.jsonl", lines(makeRecords(2)) + Array(line.utf8))
        let error = #expect(throws: LensError.self) { try readAll(path) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("s.jsonl, line 3") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
        #expect(throws: LensError.self) { try ScoreFile(path: path) }
    }

    /// Whatever the bytes, an answer or a typed error.
    @Test func damagedFilesNeverCrash() throws {
        let folder = try TemporaryFolder()
        let good = lines(makeRecords(2, length: 4))
        var number = 0, refused = 0
        func read(_ bytes: [UInt8]) throws {
            // A new name each time: file systems flush a file that is written over.
            number += 1
            do { _ = try ScoreFile(path: folder.write("\(number).jsonl", bytes)) } catch {
                #expect((error as? LensError)?.kind == .data, "\(error)")
                refused += 1
            }
        }
        for count in 0..<good.count { try read(Array(good[..<count])) }
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0...generator.below(3) { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            try read(bytes)
        }
        #expect((100..<number).contains(refused))
    }

    @Test func outputAppearsWhole() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/out.jsonl"
        let records = makeRecords(3)
        do {
            let abandoned = try LinesOutput(path: path)
            try abandoned.write(records[0].jsonLine())
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        let output = try LinesOutput(path: path)
        for record in records { try output.write(record.jsonLine()) }
        #expect(!FileManager.default.fileExists(atPath: path))
        try output.finish()
        #expect(try readAll(path) == records)
        let device = try LinesOutput(path: "/dev/null")
        try device.write(records[0].jsonLine())
        try device.finish()
        #expect(throws: LensError.self) { try LinesOutput(path: folder.path + "/none/out.jsonl") }
    }
}

@Suite struct LookingUpScores {
    func sequence(_ record: ScoreRecord) -> TokenSequence {
        TokenSequence(document: record.document, index: record.sequence, tokens: record.tokens)
    }

    @Test func byExactTokens() throws {
        let folder = try TemporaryFolder()
        var records = makeRecords(200)
        // The same passage twice: the first one counts.
        records.append(records[17])
        records[200].nll[0] += 1
        let file = try ScoreFile(path: folder.write("s.jsonl", lines(records)))
        #expect(file.count == 201)
        for record in records.prefix(200) {
            #expect(try file.losses(for: sequence(record)) == record.nll)
            // Tokens alone decide.
            #expect(try file.losses(for: TokenSequence(document: "x", index: 9, tokens: record.tokens)) == record.nll)
        }
    }

    func missing(_ sequence: TokenSequence, _ file: ScoreFile) -> String {
        let error = #expect(throws: LensError.self) { try file.losses(for: sequence) }
        #expect(error?.kind == .data)
        return error?.message ?? ""
    }

    @Test func absentTokensNameTheFirstDifference() throws {
        let folder = try TemporaryFolder()
        let records = makeRecords(10)
        let file = try ScoreFile(path: folder.write("s.jsonl", lines(records)))

        var tokens = records[4].tokens
        tokens[7] = 99_999
        let (document, index) = (records[4].document, records[4].sequence)
        let changed = TokenSequence(document: document, index: index, tokens: tokens)
        #expect(missing(changed, file).contains("token 7 is \(records[4].tokens[7]) there and 99999 here"))
        // Another name, the same beginning.
        let message = missing(TokenSequence(document: "other", index: index, tokens: tokens), file)
        #expect(
            message.contains("\"other\"") && message.contains("sequence 1 of document")
                && message.contains("token 7 is"))
        // The same name counts more than a longer common beginning.
        tokens = records[4].tokens
        tokens[11] = 0
        let renamed = TokenSequence(document: records[0].document, index: records[0].sequence, tokens: tokens)
        #expect(
            missing(renamed, file).contains("sequence 0 of document") && missing(renamed, file).contains("token 0 is"))
        // A longer sequence.
        let longer = TokenSequence(document: document, index: index, tokens: records[4].tokens + [1, 2])
        #expect(
            missing(longer, file).contains("it has 12 tokens there and 14 here, and the first 12 are the same"))
        #expect(
            missing(TokenSequence(document: "x", index: 0, tokens: [77_777]), file).contains(
                "nothing that begins like it"))
    }

    @Test func wholeRunsAreCheckedBeforehand() throws {
        let folder = try TemporaryFolder()
        struct Words: TextEncoding {
            var vocabularySize = 50_000, bosToken: Int32?
            var eosToken: Int32?
            func encode(
                _ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool
            ) throws(LensError) -> [Int32] { text.map(Int32.init) }
            func specialTexts(in text: [UInt8]) -> [Int32: Int] { [:] }
            func bytes(of token: Int32) -> [UInt8]? { nil }
        }
        func training(_ records: [ScoreRecord]) throws -> TrainingSequences {
            let lines = records.map { "{\"tokens\":\($0.tokens)}\n" }.joined()
            return try TrainingSequences(
                DocumentReader(paths: [folder.write("d.jsonl", lines)]), encoder: DocumentEncoder(Words()), length: 12)
        }
        let records = makeRecords(20)
        let file = try ScoreFile(path: folder.write("s.jsonl", lines(records)))
        try file.check(training(records))
        let error = #expect(throws: LensError.self) { try file.check(training(records + makeRecords(1, seed: 2))) }
        #expect(error?.message.contains("d.jsonl:21") == true)
    }

    @Test func unusableFiles() throws {
        let folder = try TemporaryFolder()
        #expect(throws: LensError.self) { try ScoreFile(path: folder.write("e.jsonl", "\n")) }
        let error = #expect(throws: LensError.self) { try ScoreFile(path: folder.path + "/none.jsonl") }
        #expect(error?.kind == .missing)
    }
}
