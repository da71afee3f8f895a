import Foundation
import LensData
import LensSupport
import LensTestSupport
import Testing

/// What a reader gives and says.
func readWithWarnings(
    _ paths: [String], format: InputFormat = .auto
) throws -> (documents: [Document], warnings: [String]) {
    var warnings: [String] = []
    let reader = try DocumentReader(paths: paths, format: format, warn: { warnings.append($0) })
    var documents: [Document] = []
    while let document = try reader.next() { documents.append(document) }
    return (documents, warnings)
}

func text(_ string: String) -> Document.Content { .text(Array(string.utf8)) }

@Suite struct KindsOfInput {
    static let lines = "{\"text\":\"one\"}\n{\"text\":\"two\"}\n"

    @Test(
        arguments: [
            ("{\"text\":\"one\"}\n{\"text\":\"two\"}\n", ["one", "two"]),
            ("\n \n{\"id\": 1, \"tokens\": [1]}\n", nil), ("{\"a\": 1, \"text\": \"x\"}", ["x"]),
            ("\u{FEFF}{\"text\":\"one\"}\n", ["one"]), ("plain text", ["plain text"]), ("\u{FEFF}plain", ["plain"]),
            ("{{Infobox}}\nx", ["{{Infobox}}\nx"]), ("{ a set }", ["{ a set }"]), ("[1] a note", ["[1] a note"]),
            ("[\"a\"]", ["[\"a\"]"]), (" \u{FEFF}x", [" \u{FEFF}x"]),
        ] as [(String, [String]?)]) func areToldFromTheContent(content: String, texts: [String]?) throws
    {
        let folder = try TemporaryFolder()
        let documents = try readAll([folder.write("noending", content)])
        #expect(documents.map(\.content) == texts?.map(text) ?? [.tokens([1])])
        // A pipe tells the same.
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data(content.utf8))
        try pipe.fileHandleForWriting.close()
        try withExtendedLifetime(pipe) {
            let reader = try DocumentReader(
                paths: ["/dev/stdin"], standardInput: pipe.fileHandleForReading.fileDescriptor)
            for document in documents { #expect(try reader.next()?.content == document.content) }
            #expect(try reader.next() == nil)
        }
    }

    /// Before the next document of a pipe is asked for, it is known whether it may have to be waited for.
    @Test func whatMayHaveToBeWaitedForIsTold() throws {
        let pipe = Pipe()
        let writer = pipe.fileHandleForWriting
        func write(_ text: String) throws { try writer.write(contentsOf: Data(text.utf8)) }
        let reader = try DocumentReader(paths: ["-"], standardInput: pipe.fileHandleForReading.fileDescriptor)
        #expect(reader.mayWait, "it is not even opened")
        // Longer than what is looked at to tell what the input is.
        let long = String(repeating: "long ", count: 1000)
        try write("{\"text\":\"\(long)\"}\n{\"text\":\"two\"}\n")
        #expect(try reader.next()?.content == text(long))
        #expect(!reader.mayWait, "the next line is there")
        #expect(try reader.next()?.content == text("two"))
        #expect(reader.mayWait)
        try write("{\"text\":")
        #expect(!reader.mayWait)
        try write("\"three\"}\n")
        #expect(try reader.next()?.content == text("three"))
        #expect(reader.mayWait)
        try writer.close()
        #expect(!reader.mayWait)
        #expect(try reader.next() == nil)

        let folder = try TemporaryFolder()
        let paths = try [folder.write("a.txt", "one"), folder.write("b.jsonl", Self.lines)]
        let files = try DocumentReader(paths: paths)
        var isWaiting = files.mayWait
        while try files.next() != nil { isWaiting = isWaiting || files.mayWait }
        #expect(!isWaiting)
    }

    @Test(arguments: [
        "{\"txt\": \"x\"}\n", "{\n  \"text\": \"x\"\n}\n", "[{\"text\": \"x\"}]", "[\n {\"text\": \"x\"}]",
        "{\"txt\": \"x",
    ]) func whatIsUnclearIsAskedFor(content: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("c.json", content)
        let error = #expect(throws: LensError.self) { try readAll([path]) }
        #expect(error?.kind == .data && error?.message.contains("--input-format text") == true)
        #expect(try readWithWarnings([path], format: .text).documents.map(\.content) == [text(content)])
    }

    @Test func aFirstLineLongerThanWhatIsLookedAt() throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "long ", count: 40_000)
        #expect(try readAll([folder.write("x", "{\"id\":1,\"text\":\"\(long)\"}\n\(Self.lines)")]).count == 3)
        #expect(
            try readAll([folder.write("y", "{\"note\":\"\(long)\",\"text\":\"a\"}\n")]).map(\.content) == [text("a")])
    }

    @Test func theNameOrTheOptionDecides() throws {
        let folder = try TemporaryFolder()
        let (documents, warnings) = try readWithWarnings([folder.write("a.txt", Self.lines)])
        #expect(documents.map(\.content) == [text(Self.lines)])
        #expect(warnings.count == 1 && warnings[0].contains("--input-format jsonl"))
        let asked = try readWithWarnings([folder.path + "/a.txt"], format: .jsonl)
        #expect(asked.documents.map(\.id) == ["a.txt:1", "a.txt:2"] && asked.warnings.isEmpty)
    }

    // printf '{"text":"one"}\n{"text":"two"}\n' | gzip -n9 (and zstd -19), as hexadecimal.
    static let gzip = bytes(
        "1f8b0800000000000203ab562a49ad2851b252cacf4b55aae5aa86714bcaf3815c00fb0e50cb1e000000")
    static let zstd = bytes("28b52ffd0468dd0000a87b2274657874223a226f6e65227d0a74776f227d0a010052cc3a90e2dfee")

    static func bytes(_ digits: String) -> [UInt8] {
        stride(from: 0, to: digits.count, by: 2).compactMap { UInt8(digits.dropFirst($0).prefix(2), radix: 16) }
    }

    @Test(arguments: [(gzip, "gz"), (zstd, "zst")])
    func compressedFilesAreRead(bytes: [UInt8], ending: String) throws {
        let folder = try TemporaryFolder()
        let expected = [text("one"), text("two")]
        for name in ["a.jsonl.\(ending)", "b", "c.JSONL.\(ending.uppercased())"] {
            #expect(try readAll([folder.write(name, bytes)]).map(\.content) == expected)
        }
        // Two members are one file; a folder takes them by the name inside.
        #expect(try readAll([folder.write("two.jsonl.\(ending)", bytes + bytes)]).map(\.content) == expected + expected)
        #expect(try readAll([folder.write("t.txt.\(ending)", bytes)]).map(\.content) == [text(Self.lines)])
        #expect(try readWithWarnings([folder.path]).warnings.contains { $0.contains("1 file (b)") })
    }

    @Test(arguments: [(gzip, "gz"), (zstd, "zst")])
    func damagedCompressedFilesAreErrors(bytes: [UInt8], ending: String) throws {
        let folder = try TemporaryFolder()
        for count in 5..<bytes.count {
            let path = try folder.write("cut-\(count).jsonl.\(ending)", Array(bytes[..<count]))
            let error = #expect(throws: LensError.self, "\(count)") { try readAll([path]) }
            #expect(error?.kind == .data && error?.message.contains("cut-\(count)") == true)
        }
        var generator = SeededGenerator(seed: 3)
        var refused = 0
        for number in 0..<300 {
            var damaged = bytes
            damaged[4 + generator.below(damaged.count - 4)] ^= UInt8(1 << generator.below(8))
            do { _ = try readAll([folder.write("damaged-\(number).jsonl.\(ending)", damaged)]) } catch {
                #expect((error as? LensError)?.kind == .data)
                refused += 1
            }
        }
        // A flipped bit may also fall where nothing reads it, or make another valid text.
        #expect(refused > 150)
        let error = #expect(throws: LensError.self) { try readAll([folder.write("plain.jsonl.\(ending)", Self.lines)]) }
        #expect(error?.message.contains("named like a") == true)
    }

    @Test(arguments: [
        ([0xFF, 0xFE, 0x61, 0], "UTF-16"), ([0xFE, 0xFF, 0, 0x61], "UTF-16"),
        ([0x61, 0, 0x62, 0, 0x63, 0, 0x64, 0], "UTF-16LE"), (Array("%PDF-1.7".utf8), "PDF"),
        (Array("PK\u{3}\u{4}".utf8), "ZIP"),
        (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "git lfs pull"),
        (Array("GGUF\u{3}\0\0\0".utf8), "GGUF"),
    ]) func whatIsNoDocumentIsNamed(bytes: [UInt8], hint: String) throws {
        let folder = try TemporaryFolder()
        for name in ["a.txt", "a.jsonl", "a"] {
            let error = #expect(throws: LensError.self) { try readAll([folder.write(name, bytes)]) }
            #expect(error?.kind == .data && error?.message.contains(hint) == true, "\(error?.message ?? "")")
        }
        let page = try folder.write("page.jsonl", "<!DOCTYPE html><html>")
        #expect(#expect(throws: LensError.self) { try readAll([page]) }?.message.contains("web page") == true)
    }
}

@Suite struct WhatIsLeftOut {
    @Test func aFolderSaysWhatItPassesOver() throws {
        let folder = try TemporaryFolder()
        for name in ["a.txt", "b.md", "c.json", "d", "sub/e.text", "f.jsonl.xz", "g.csv", ".hidden"] {
            try folder.write(name, "x")
        }
        let (documents, warnings) = try readWithWarnings([folder.path])
        #expect(documents.map(\.id) == ["a.txt"])
        #expect(warnings.count == 1 && warnings[0].contains("6 files (b.md, c.json, d, f.jsonl.xz, g.csv, …)"))
        let all = try readWithWarnings([folder.path], format: .text)
        #expect(all.documents.map(\.id) == ["a.txt", "b.md", "c.json", "d", "f.jsonl.xz", "g.csv", "sub/e.text"])
        #expect(all.warnings.isEmpty)
        let error = #expect(throws: LensError.self) { try readAll([folder.path + "/sub"]) }
        #expect(error?.kind == .missing && error?.message.contains("e.text") == true)
    }

    @Test func emptyDocumentsAreSkipped() throws {
        let folder = try TemporaryFolder()
        for number in 0..<6 { try folder.write("\(number).txt", number < 5 ? "" : "x") }
        try folder.write("7.jsonl", "{\"text\":\"\"}\n{\"tokens\":[]}\n{\"text\":\"y\"}\n")
        let (documents, warnings) = try readWithWarnings([folder.path])
        #expect(documents.map(\.content) == [text("x"), text("y")])
        #expect(warnings.count == 4 && warnings[0].contains("0.txt") && warnings[3].contains("7 documents"))
        for paths in [["0.txt"], ["0.txt", "1.txt"]] {
            let error = #expect(throws: LensError.self) { try readAll(paths.map { folder.path + "/" + $0 }) }
            #expect(error?.kind == .data && error?.message.contains("0.txt") == true)
        }
        let error = #expect(throws: LensError.self) { try readAll([folder.write("none.jsonl", "\n\n")]) }
        #expect(error?.kind == .data && error?.message.contains("no document") == true)
    }

    /// What a line says and nothing reads is told once, by its name.
    @Test func keysThatAreNotRead() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            "d.jsonl",
            """
            {"text":"x","id":"a","facts":[]}
            {"text":"y","weights":[1],"url":{"a":[1]}}
            {"weights":[1],"text":"z"}
            {"text":"u","meta":0,"messages":[]}
            """)
        let (documents, warnings) = try readWithWarnings([path])
        #expect(documents.count == 4 && warnings.count == 2)
        #expect(warnings.first?.contains("line 2 has \"weights\", \"url\"") == true)
        #expect(warnings.last?.contains("line 4 has \"meta\", \"messages\"") == true)
    }

    @Test func manyKeysThatAreNotReadAreToldOfAFewLines() throws {
        let folder = try TemporaryFolder()
        let lines = (0..<40).map { "{\"text\":\"x\",\"key\($0)\":0}\n" }.joined()
        #expect(try readWithWarnings([folder.write("d.jsonl", lines)]).warnings.count == 3)
    }

    @Test(arguments: ["weights", "roles"]) func whatDecidesWhatIsLearnedIsRefusedInTraining(key: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("d.jsonl", "{\"text\":\"abcdefgh\",\"\(key)\":[1]}\n")
        var warnings: [String] = []
        let error = #expect(throws: LensError.self) {
            try TrainingSequences(
                DocumentReader(paths: [path], forTraining: true, warn: { warnings.append($0) }),
                encoder: DocumentEncoder(ByteEncoding()), length: 4)
        }
        #expect(error?.kind == .data && error?.message.contains("line 1 has \"\(key)\"") == true && warnings == [])
    }

    @Test func recallDocuments() throws {
        let folder = try TemporaryFolder()
        let fact = "{\"stated\":[0,1],\"asked\":[2,3]}"
        let path = try folder.write(
            "d.jsonl", "{\"id\":\"a\",\"text\":\"b c\",\"facts\":[\(fact)],\"weights\":[1]}\n")
        var warnings: [String] = []
        let reader = try RecallDocumentReader(paths: [path], warn: { warnings.append($0) })
        #expect(try reader.next()?.facts.first?.asked == [2, 3])
        #expect(warnings.count == 1 && warnings.first?.contains("\"weights\"") == true)
        for line in ["{\"id\":\"a\",\"text\":\"b\"}", "{\"id\":\"a\",\"text\":\"b\",\"facts\":[1]}", "[]"] {
            let reader = try RecallDocumentReader(paths: [folder.write("e.jsonl", line)])
            let error = #expect(throws: LensError.self) { try reader.next() }
            #expect(error?.kind == .data && error?.message.contains("line 1, is no recall document") == true)
        }
        let model = try RecallDocumentReader(paths: [folder.write("m.jsonl", Array("GGUF\u{3}\0\0\0".utf8))])
        #expect(#expect(throws: LensError.self) { try model.next() }?.message.contains("GGUF model") == true)
    }
}

@Suite struct DocumentIDs {
    func ids(_ files: [String], _ paths: [String]) throws -> [String] {
        let folder = try TemporaryFolder()
        for file in files { try folder.write(file, file) }
        return try readWithWarnings(paths.map { $0.isEmpty ? folder.path : "\(folder.path)/\($0)" }).documents.map(\.id)
    }

    @Test func areTheShortestThatDiffer() throws {
        #expect(try ids(["a/x.txt", "b/y.txt"], ["a/x.txt", "b/y.txt"]) == ["x.txt", "y.txt"])
        #expect(
            try ids(["a/x.txt", "b/x.txt", "c.txt"], ["a/x.txt", "b/x.txt", "c.txt"]) == [
                "a/x.txt", "b/x.txt", "c.txt",
            ])
        #expect(try ids(["a/s/x.txt", "b/s/x.txt"], ["a", "b"]) == ["a/s/x.txt", "b/s/x.txt"])
        #expect(try ids(["a/s/x.txt", "b/s/x.txt"], [""]) == ["a/s/x.txt", "b/s/x.txt"])
    }

    @Test func theSameFileTwiceIsSaid() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("x.txt", "x")
        let (documents, warnings) = try readWithWarnings([path, path])
        #expect(documents.count == 2 && Set(documents.map(\.id)).count == 2)
        #expect(warnings.count == 1 && warnings[0].contains("more than once"))
    }

    @Test func idsOfLinesThatRepeatAreSaidOnce() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("x.jsonl", String(repeating: "{\"id\":\"a\",\"text\":\"x\"}\n", count: 4))
        #expect(try readWithWarnings([path]).warnings.count == 1)
    }

    @Test func positionsLeadToTheEnd() throws {
        let folder = try TemporaryFolder()
        try folder.write("a.txt", "12345")
        try folder.write("b.jsonl", "{\"text\":\"x\"}\n{\"text\":\"y\"}\n")
        try folder.write("c.jsonl.gz", KindsOfInput.gzip)
        let reader = try DocumentReader(paths: [folder.path])
        let total = 5 + 26 + KindsOfInput.gzip.count
        #expect(reader.byteCount == total)
        var positions: [Int] = []
        while try reader.next() != nil { positions.append(reader.position) }
        #expect(positions == [5, 18, 31, total, total])
    }
}
