import Foundation
import LensFormats
import LensSupport
import LensTestSupport
import LensTokenizers
import Testing

/// Tokenizer files are untrusted: each gives a `LensError` or a tokenizer that works.
@Suite struct MalformedTests {
    /// True when the file gives a tokenizer.
    @discardableResult private func expectSafe(_ source: TokenizerSource) -> Bool {
        do throws(LensError) {
            let tokenizer = try Tokenizer(source)
            for text in ["", "Hello, wörld 123\n\n  x", "<s> <|endoftext|>"] {
                let ids = try tokenizer.encode(text, parseSpecial: true)
                _ = try tokenizer.decode(ids)
            }
            _ = tokenizer.ggufMetadata()
            _ = try tokenizer.huggingFaceFiles()
            return true
        } catch {
            #expect(!error.message.isEmpty)
            return false
        }
    }

    private func model(_ model: String, rest: String = #""pre_tokenizer": {"type": "ByteLevel"}"#) -> TokenizerSource {
        .huggingFace(tokenizer: Array("{\"model\": \(model), \(rest)}".utf8), configuration: nil, path: "t.json")
    }

    @Test(arguments: ["added", "llama2"])
    func truncatedTokenizerJSON(name: String) throws {
        let bytes = try Fixture.bytes("\(name).json")
        for count in stride(from: 0, to: bytes.count - 2, by: 7) {
            #expect(throws: LensError.self) {
                try Tokenizer(.huggingFace(tokenizer: Array(bytes[..<count]), configuration: nil, path: "t.json"))
            }
        }
    }

    @Test(arguments: ["added", "llama2"])
    func flippedTokenizerJSON(name: String) throws {
        let bytes = try Fixture.bytes("\(name).json")
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0...Int(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(bytes.count))] ^= UInt8(1 << (generator.next() % 8))
            }
            expectSafe(.huggingFace(tokenizer: damaged, configuration: nil, path: "t.json"))
        }
    }

    @Test func damagedLlama2C() throws {
        let bytes = try Fixture.bytes("tok512.bin")
        for count in 0..<bytes.count {
            #expect(throws: LensError.self) {
                try Tokenizer(.llama2c(bytes: Array(bytes[..<count]), vocabularySize: 512, path: "t.bin"))
            }
        }
        for size in [Int.min, -1, 0, 511, 513, Int.max] {
            #expect(throws: LensError.self) {
                try Tokenizer(.llama2c(bytes: bytes, vocabularySize: size, path: "t.bin"))
            }
        }
        var generator = SeededGenerator(seed: 13)
        for _ in 0..<3000 {
            var damaged = bytes
            for _ in 0...Int(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(bytes.count))] ^= UInt8(1 << (generator.next() % 8))
            }
            expectSafe(.llama2c(bytes: damaged, vocabularySize: 512, path: "t.bin"))
        }
    }

    @Test(arguments: ["llama3", "llama2c"])
    func damagedGGUFMetadata(name: String) throws {
        let metadata = try Fixture.tokenizer(name).ggufMetadata()
        var generator = SeededGenerator(seed: 17)
        for key in metadata.values.keys.sorted() {
            let wrong: [GGUFValue?] = [
                nil, .uint32(7), .uint32(.max), .int32(-1), .bool(true), .bool(false), .string([]), .string([0xFF]),
                .strings([]),
                .strings([[], []]), .float32s([.nan]), .int32s([]), .array([]), .float64(.infinity),
            ]
            for value in wrong {
                var damaged = metadata
                damaged.values[key] = value
                expectSafe(.gguf(metadata: damaged, path: "t.gguf"))
            }
        }
        // Byte-level files have merges, the others scores.
        let lists = ["tokens", "token_type", "merges", "scores"].map { "tokenizer.ggml.\($0)" }
            .filter { metadata[$0] != nil }
        #expect(lists.count == 3)
        var accepted = 0
        for round in 0..<1000 {
            var damaged = metadata
            let key = lists[round % lists.count]
            let value: GGUFValue = try #require(Self.flipped(damaged, key, &generator))
            damaged[key] = value
            if expectSafe(.gguf(metadata: damaged, path: "t.gguf")) { accepted += 1 }
        }
        #expect((10..<990).contains(accepted))
    }

    /// A list of strings, types or scores with one element changed.
    private static func flipped(
        _ metadata: GGUFMetadata, _ key: String, _ generator: inout SeededGenerator
    ) -> GGUFValue? {
        if var types = metadata.integers(key) {
            types[generator.below(types.count)] = Int32(generator.below(9))
            return .int32s(types)
        }
        if var scores = metadata.floats(key) {
            scores[generator.below(scores.count)] = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
            return .float32s(scores)
        }
        guard var list = metadata.strings(key) else { return nil }
        let index = generator.below(list.count)
        switch generator.below(4) {
        case 0: list[index] = []
        case 1: list[index] = list[(index + 1) % list.count]
        case 2: list.remove(at: index)
        default: list[index].append(UInt8(generator.below(256)))
        }
        return .strings(list)
    }

    static let rejected: [(model: String, rest: String, says: String)] = [
        (#"{"type": "WordPiece", "vocab": {}, "merges": []}"#, "", "WordPiece"),
        (#"{"vocab": {"a": 0}, "merges": [], "dropout": 0.1}"#, "", "dropout"),
        (#"{"vocab": {"a": 0}, "merges": [], "end_of_word_suffix": "</w>"}"#, "", "end_of_word_suffix"),
        (#"{"vocab": {"a": 0, "b": 0}, "merges": []}"#, "", "both have id 0"),
        (#"{"vocab": {"a": 0, "b": 4000000000}, "merges": []}"#, "", "4000000000"),
        (#"{"vocab": {"a": 0, "b": -1}, "merges": []}"#, "", "-1"),
        (#"{"vocab": {"a": 0}, "merges": ["a b"]}"#, "", "merge 0"),
        (#"{"vocab": {"a": 0, "b": 1}, "merges": [["a", "b"]]}"#, "", "merge 0"),
        (#"{"vocab": {"a": 0}, "merges": [], "unk_token": "?"}"#, "", "unk_token"),
        (#"{"vocab": {"a": 0}, "merges": []}"#, #""normalizer": {"type": "Precompiled"}"#, "Precompiled"),
        (#"{"vocab": {"a": 0}, "merges": []}"#, #""pre_tokenizer": {"type": "FixedLength"}"#, "FixedLength"),
        (#"{"vocab": {"a": 0}, "merges": []}"#, #""post_processor": {"type": "BertProcessing"}"#, "cls"),
        (#"{"vocab": {"a": 0}, "merges": []}"#, #""decoder": {"type": "CTC"}"#, "CTC"),
        (#"{"vocab": {"a": 0}, "merges": []}"#, #""added_tokens": [{"id": 99999999, "content": "x"}]"#, "99999999"),
        (
            #"{"vocab": {"a": 0}, "merges": []}"#, #""added_tokens": [{"id": 5, "content": "a"}]"#,
            "the vocabulary gives it 0"
        ),
        (
            #"{"vocab": {"a": 0}, "merges": []}"#,
            #""pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}"#, "neither"
        ),
        (
            #"{"vocab": {"a": 0}, "merges": []}"#,
            #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}, {"type": "ByteLevel"}]}"#,
            "(a"
        ),
        (
            #"{"vocab": {"a": 0}, "merges": []}"#,
            #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[a&&b]"}, "behavior": "Isolated"}, {"type": "ByteLevel"}]}"#,
            "&&"
        ),
    ]

    @Test(arguments: rejected.indices)
    func unsupportedIsNamed(index: Int) {
        let (model, rest, says) = Self.rejected[index]
        let byteLevel = #""pre_tokenizer": {"type": "ByteLevel"}"#
        let all = rest.isEmpty ? byteLevel : rest.contains("pre_tokenizer") ? rest : rest + ", " + byteLevel
        let error = #expect(throws: LensError.self) { try Tokenizer(self.model(model, rest: all)) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains(says) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("t.json") == true)
    }

    @Test func hostileJSON() {
        for text in [
            String(repeating: "[", count: 1_000_000), String(repeating: #"{"a":"#, count: 200_000), "", "null", "[]",
            "{}", "\u{FEFF}{}",
            #"{"model": {"vocab": {"\ud800": 0}, "merges": []}}"#, #"{"model": 1e999}"#,
            #"{"model": {"vocab": [], "merges": []}}"#,
        ] {
            #expect(throws: LensError.self) {
                try Tokenizer(.huggingFace(tokenizer: Array(text.utf8), configuration: nil, path: "t.json"))
            }
        }
    }

    /// Merges whose parts are empty, repeated or each other's results.
    @Test func oddMerges() throws {
        expectSafe(model(#"{"vocab": {"a": 0, "aa": 1, "aaaa": 2}, "merges": ["a a", "a a", "aa aa"]}"#))
        expectSafe(model(#"{"vocab": {"a": 0, "": 1}, "merges": [["", "a"]]}"#))
        expectSafe(
            model(#"{"vocab": {"a": 0, "ab": 1, "b": 2, "ba": 3, "aba": 4}, "merges": ["a b", "b a", "ab a", "a ba"]}"#)
        )
    }

    /// A pattern that backtracks without end stops with an error.
    @Test func catastrophicPattern() throws {
        let rest =
            #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "(?:a+)+$"}, "behavior": "Isolated"}, {"type": "ByteLevel"}]}"#
        let tokenizer = try Tokenizer(model(#"{"vocab": {"a": 0, "b": 1}, "merges": []}"#, rest: rest))
        let error = #expect(throws: LensError.self) { try tokenizer.encode(String(repeating: "a", count: 60) + "b") }
        #expect(error?.kind == .data)
    }
}
