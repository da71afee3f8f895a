import Foundation
import LensData
import LensFormats
import LensScoring
import LensSupport
import LensTestSupport
import Testing

@Suite struct SafetensorsScoreFiles {
    func write(_ records: [ScoreRecord], _ path: String) throws {
        let output = try ScoreOutput(
            path: path, format: .safetensors, settings: ScoreSettings([("--compute", "f32")]), warn: { _ in })
        for record in records { try output.write(record) }
        try output.finish()
    }

    @Test func recordsReadBackTheSame() throws {
        let folder = try TemporaryFolder()
        var records = makeRecords(25)
        records[3].stride = 5
        records[4].model = "other"
        records[5].tokens = [4]
        records[5].nll = []
        records[6].tokens += [1, 2, 3]
        records[6].nll += [0.25, .leastNonzeroMagnitude, 7]
        let path = folder.path + "/s.safetensors"
        try write(records, path)
        #expect(try ScoreFormat.of(path) == .safetensors)
        #expect(try readAll(path) == records)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["s.safetensors"])
        let file = try ScoreFile(path: path)
        for record in records {
            let sequence = TokenSequence(document: "", index: 0, tokens: record.tokens)
            #expect(try file.losses(for: sequence) == record.nll)
        }
    }

    @Test func tensorsAndMetadataAreAsDocumented() throws {
        let folder = try TemporaryFolder()
        let records = makeRecords(2)
        try write(records, folder.path + "/s.safetensors")
        let file = try SafetensorsFile(path: folder.path + "/s.safetensors")
        #expect(Set(file.names) == ["00000000.tokens", "00000000.nll", "00000001.tokens", "00000001.nll"])
        #expect(try file.int32s("00000001.tokens") == records[1].tokens)
        #expect(try file.tensor("00000001.nll").dataType == .float32)
        #expect(file.metadata["context"] == "8" && file.metadata["stride"] == "6" && file.metadata["model"] == "tiny")
        #expect(file.metadata["compute"] == "f32")
        #expect(file.metadata["00000001.document"] == records[1].document && file.metadata["00000001.sequence"] == "1")
    }

    @Test func otherProgramsFilesAreRead() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/s.bin"
        let writer = try SafetensorsWriter(
            path: path,
            tensors: [
                SafetensorsDescription(name: "a.tokens", dataType: .int32, shape: [3]),
                SafetensorsDescription(name: "a.nll", dataType: .float32, shape: [2]),
                SafetensorsDescription(name: "note", dataType: .float32, shape: [1]),
            ])
        try writer.write("a.nll", [1.5, 2] as [Float])
        try writer.write("a.tokens", [1, 2, 3] as [Int32])
        try writer.write("note", [0] as [Float])
        try writer.commit()
        #expect(try readAll(path) == [ScoreRecord(document: "a", sequence: 0, tokens: [1, 2, 3], nll: [1.5, 2])])
    }

    @Test func wrongContentsAreExplained() throws {
        let folder = try TemporaryFolder()
        func message(_ tokens: [Int32], _ nll: [Float], name: String = "a.nll", metadata: [String: String] = [:]) throws
            -> String
        {
            let path = folder.path + "/s.safetensors"
            let writer = try SafetensorsWriter(
                path: path,
                tensors: [
                    SafetensorsDescription(name: "a.tokens", dataType: .int32, shape: [tokens.count]),
                    SafetensorsDescription(name: name, dataType: .float32, shape: [nll.count]),
                ], metadata: metadata)
            for tensor in writer.order {
                if tensor.name == name { try writer.write(name, nll) } else { try writer.write("a.tokens", tokens) }
            }
            try writer.commit()
            let error = #expect(throws: LensError.self) { try readAll(path) }
            #expect(error?.kind == .data)
            return error?.message ?? ""
        }
        #expect(try message([1, 2], [.nan]).contains("nll[0] is nan"))
        #expect(try message([1, 2], [-2]).contains("minus sign"))
        #expect(try message([1, 2], [1, 2]).contains("one fewer"))
        #expect(try message([1, -2], [1]).contains("tokens[1] is -2"))
        #expect(try message([1, 2], [1], name: "b.nll").contains("a.nll"))
        #expect(try message([1, 2], [1], metadata: ["context": "many"]).contains("`context`"))
        #expect(try message([1, 2], [1], metadata: ["a.sequence": "-1"]).contains("`a.sequence`"))
    }

    /// Whatever the bytes, an answer or a typed error.
    @Test func damagedFilesNeverCrash() throws {
        let folder = try TemporaryFolder()
        try write(makeRecords(2, length: 4), folder.path + "/good")
        let good = Array(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/good")))
        var number = 0, refused = 0
        func read(_ bytes: [UInt8]) throws {
            number += 1
            do { _ = try ScoreFile(path: folder.write("\(number)", bytes)) } catch {
                #expect((error as? LensError)?.kind == .data)
                refused += 1
            }
        }
        for count in 0..<good.count { try read(Array(good[..<count])) }
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0...generator.below(3) { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            try read(bytes)
        }
        #expect((100..<number).contains(refused))
    }
}
