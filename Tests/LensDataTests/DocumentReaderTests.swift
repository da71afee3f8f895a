import Foundation
import LensData
import LensSupport
import LensTestSupport
import Testing

@Suite struct ReadingDocuments {
    @Test func textFileIsOneDocument() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("book.txt", "First line.\n\nÄ second 🌍.\n")
        #expect(
            try readAll([path]) == [
                Document(id: "book.txt", content: .text(Array("First line.\n\nÄ second 🌍.\n".utf8)), source: path)
            ])
    }

    @Test func linesAreDocuments() throws {
        let documents = try readLines(
            #"{"text": "a\nb\u00e9\ud83c\udf0d\"\\\/", "id": "one", "other": [{"x": null}, -1.5e3, true, "]"]}"# + "\n"
                + "\r\n  \t\n" + #"{"tokens":[0,7 , 2147483647],"id":42}"# + "\r\n" + #"{ "id" : null , "text" : "x" }"#
        )
        #expect(documents.map(\.id) == ["one", "42", "d.jsonl:5"])
        #expect(documents.map(\.content) == [.text(Array("a\nbé🌍\"\\/".utf8)), .tokens([0, 7, .max]), .text([0x78])])
        #expect(documents[2].source.hasSuffix("d.jsonl, line 5"))
    }

    @Test func byteOrderMarkBeforeJSONIsPassed() throws {
        #expect(try readLines("\u{FEFF}{\"text\":\"x\"}\n").count == 1)
    }

    @Test func foldersAreReadInOrderOfNames() throws {
        let folder = try TemporaryFolder()
        for name in ["b.txt", "a/z.txt", "a/b/c.txt", "B.TXT", ".hidden.txt", "notes.md"] {
            try folder.write(name, name)
        }
        try folder.write("a/l.jsonl", "{\"text\":\"1\"}\n{\"text\":\"2\"}\n")
        // A link that leads back up is not followed for ever.
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/a/up", withDestinationPath: folder.path)
        let ids = try readAll([folder.path]).map(\.id)
        #expect(ids == ["B.TXT", "a/b/c.txt", "a/l.jsonl:1", "a/l.jsonl:2", "a/z.txt", "b.txt"])
    }

    @Test func standardInputIsOneText() throws {
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("{{text}}\nx".utf8))
        try pipe.fileHandleForWriting.close()
        try withExtendedLifetime(pipe) {
            let reader = try DocumentReader(paths: ["-"], standardInput: pipe.fileHandleForReading.fileDescriptor)
            #expect(try reader.next()?.content == .text(Array("{{text}}\nx".utf8)))
            #expect(try reader.next() == nil)
        }
    }

    @Test func linesLongerThanAChunk() throws {
        let long = String(repeating: "0123456789", count: 70_000)
        let documents = try readLines("{\"text\":\"\(long)\"}\n{\"text\":\"\(long)\(long)\"}\n{\"text\":\"x\"}")
        #expect(documents.map(\.content) == [.text(Array(long.utf8)), .text(Array((long + long).utf8)), .text([0x78])])
    }

    @Test func missingAndUnknownFilesAreToldAtOnce() throws {
        let folder = try TemporaryFolder()
        let good = try folder.write("a.txt", "x")
        try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
        let cases: [([String], LensError.Kind, String)] = [
            ([good, folder.path + "/none.txt"], .missing, "none.txt does not exist"),
            ([folder.path + "/empty"], .missing, "holds no .txt"),
            (["-", "-"], .usage, "once"), ([], .usage, "No document"),
        ]
        for (paths, kind, hint) in cases {
            let error = #expect(throws: LensError.self) { _ = try DocumentReader(paths: paths) }
            #expect(error?.kind == kind && error?.message.contains(hint) == true, "\(error?.message ?? "")")
        }
    }

    @Test func invalidTextIsAnErrorWithItsOffset() throws {
        let folder = try TemporaryFolder()
        let cases: [([UInt8], Int)] = [
            ([0x61, 0x62, 0xFF, 0x63], 2), ([0xC3], 0), ([0xC0, 0x80], 0), ([0x61, 0xED, 0xA0, 0x80], 1),
            ([0xF4, 0x90, 0x80, 0x80], 0), ([0xE2, 0x82], 0), ([0xE2, 0x82, 0x41], 0), ([0xF0, 0x8F, 0xBF, 0xBF], 0),
            (Array("ok ä".utf8) + [0x80], 5),
        ]
        for (bytes, offset) in cases {
            let path = try folder.write("bad.txt", bytes)
            let error = #expect(throws: LensError.self) { try readAll([path]) }
            #expect(error?.kind == .data)
            #expect(error?.message.contains("bad.txt, byte \(offset):") == true, "\(error?.message ?? "")")
        }
    }

    @Test func validTextOfEveryLength() throws {
        let folder = try TemporaryFolder()
        let text = Array("\u{0}\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}".utf8)
        #expect(try readAll([folder.write("t.txt", text)]).first?.content == .text(text))
    }

    @Test(arguments: [
        ("{}", "neither"), ("{\"messages\":[]}", "conversation"),
        ("{\"text\":\"a\",\"tokens\":[1]}", "more than one"), ("{\"text\":\"a\",\"text\":\"b\"}", "more than one"),
        ("{\"id\":1,\"id\":2,\"text\":\"a\"}", "more than one"), ("{\"text\":5}", "a string is expected"),
        ("{\"tokens\":[1,-2]}", "tokens[1] is -2"), ("{\"tokens\":[1.5]}", "tokens[0] is 1.5"),
        ("{\"tokens\":[2147483648]}", "tokens[0] is 2147483648"), ("{\"tokens\":[99999999999999999999]}", "tokens[0]"),
        ("{\"tokens\":[1,]}", "a number is expected"), ("{\"tokens\":[1 2]}", "comma"),
        ("{\"tokens\":[01]}", "no zero"),
        ("{\"tokens\":\"1\"}", "array"), ("{\"tokens\":[true]}", "a number is expected"), ("[1]", "object"),
        ("{\"text\":\"a\"", "ends"), ("{\"text\":\"a", "ends inside a string"), ("{\"text\":\"a\"} x", "after the end"),
        ("{\"text\" \"a\"}", "colon"), ("{\"text\":\"\\x\"}", "escape"), ("{\"text\":\"\\ud800\"}", "surrogate"),
        ("{\"text\":\"\\ud800\\u0041\"}", "surrogate"), ("{\"text\":\"\\u12g4\"}", "hexadecimal"),
        ("{\"text\":\"a\tb\"}", "control character"), ("{\"x\":nul,\"text\":\"a\"}", "value is expected"),
        ("{\"x\":\(String(repeating: "[", count: 5000))", "nested"), ("{text:1}", "a string is expected"),
    ]) func malformedLinesNameFileAndLine(line: String, hint: String) {
        let error = #expect(throws: LensError.self) { try readLines("{\"text\":\"fine\"}\n\(line)\n") }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("d.jsonl, line 2") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains(hint) == true, "\(error?.message ?? "")")
    }

    @Test func invalidUTF8InALine() {
        let error = #expect(throws: LensError.self) {
            try readLines(Array("{\"text\":\"ab".utf8) + [0xFF, 0x22, 0x7D])
        }
        #expect(error?.message.contains("line 1, byte 11: the text is not valid UTF-8") == true)
    }

    /// Whatever the bytes, an answer or a typed error.
    @Test func damagedLinesNeverCrash() throws {
        let folder = try TemporaryFolder()
        let good =
            Array(
                #"{"id":"a\u00e9","text":"x\ud83c\udf0d ä"}"#.utf8) + [0x0A]
            + Array(#"{"tokens":[1,20,300],"y":[{"z":-1e5}]}"#.utf8)
        var refused = 0
        // A new name each time: file systems flush a file that is written over.
        func read(_ name: String, _ bytes: [UInt8]) throws {
            let path = try folder.write(name, bytes)
            do { _ = try readAll([path]) } catch {
                #expect((error as? LensError)?.kind == .data)
                refused += 1
            }
        }
        for count in 0..<good.count { try read("cut-\(count).jsonl", Array(good[..<count])) }
        var generator = SeededGenerator(seed: 9)
        for number in 0..<3000 {
            var bytes = good
            for _ in 0...generator.below(3) { bytes[generator.below(bytes.count)] = UInt8(generator.below(256)) }
            try read("\(number).jsonl", bytes)
        }
        #expect((100..<3000 + good.count).contains(refused))
    }
}
