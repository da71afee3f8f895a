import Foundation
import LensFormats
import LensSupport
import LensTestSupport
import LensTokenizers
import Testing

@Suite struct TokenizerTests {
    /// Byte strings that are hard to keep: malformed UTF-8 of every kind, NUL, all bytes.
    static let hardBytes: [[UInt8]] = [
        [], [0], [0xFF], [0xC3], [0xE2, 0x96], [0xF0, 0x9F, 0x98], [0xED, 0xA0, 0x80], [0xC0, 0x80],
        [0xF5, 0x80, 0x80, 0x80],
        Array(0...255), Array((0...255).reversed()),
        Array("ab\0cd".utf8) + [0x80, 0x80] + Array(" é ".utf8) + [0xE9, 0x20, 0x41],
        [0x20, 0xFF, 0x20], [0x20, 0x20, 0x80], Array("   x\n\n \t".utf8), Array(" lead".utf8), Array("trail ".utf8),
    ]

    @Test(arguments: ["gpt2", "llama3", "llama2", "llama2c"])
    func anyBytesSurvive(name: String) throws {
        let tokenizer = try Fixture.tokenizer(name)
        #expect(tokenizer.missingBytes.isEmpty)
        for bytes in Self.hardBytes {
            #expect(try tokenizer.decode(tokenizer.encode(bytes)) == bytes, "\(name): \(bytes)")
        }
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            let bytes = (0..<Int(generator.next() % 60)).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
            #expect(try tokenizer.decode(tokenizer.encode(bytes)) == bytes, "\(name): \(bytes)")
        }
        for text in try Fixture.samples().plain {
            #expect(
                try tokenizer.decode(tokenizer.encode(text)) == Array(text.utf8), "\(name): \(text.debugDescription)")
        }
    }

    /// A vocabulary without tokens for some bytes says so; the reference leaves such bytes out.
    @Test func missingBytesAreNamed() throws {
        let tokenizer = try Fixture.tokenizer("smollm")
        #expect(tokenizer.missingBytes.contains(0xC0) && !tokenizer.missingBytes.contains(0x41))
        #expect(try tokenizer.decode(tokenizer.encode([0x41, 0xC0, 0x42])) == [0x41, 0x42])
    }

    @Test func compositionIsNamed() throws {
        #expect(try Fixture.tokenizer("qwen2").normalizes)
        #expect(try !Fixture.tokenizer("gpt2").normalizes)
        let tokenizer = try Fixture.tokenizer("qwen2")
        #expect(try tokenizer.decode(tokenizer.encode("e\u{301}")) == Array("\u{E9}".utf8))
        #expect(try tokenizer.decode(tokenizer.encode([0x65, 0xCC, 0x81, 0xFF])) == [0xC3, 0xA9, 0xFF])
    }

    @Test func documentsDoNotMakeControlTokens() throws {
        for (name, text) in [
            ("gpt2", "<|endoftext|>"), ("llama3", "a<|end_of_text|>"), ("llama2", "<s>"), ("llama2c", "x</s>"),
        ] {
            for tokenizer in [try Fixture.tokenizer(name), try Fixture.throughGGUF(name)] {
                let plain = try tokenizer.encode(text, addBOS: false)
                let parsed = try tokenizer.encode(text, addBOS: false, parseSpecial: true)
                #expect(plain.count > parsed.count)
                #expect(try tokenizer.decode(plain) == Array(text.utf8))
                #expect(try tokenizer.decode(parsed, includingSpecial: true) == Array(text.utf8))
            }
        }
    }

    @Test func addedTokensThatAreNotSpecialAreAlwaysFound() throws {
        let tokenizer = try Fixture.tokenizer("added")
        let id = try #require(
            (0..<Int32(tokenizer.vocabularySize)).first { tokenizer.bytes(of: $0) == Array("<tool>".utf8) })
        #expect(try tokenizer.encode("a<tool>b", addBOS: false).contains(id))
        #expect(
            try !tokenizer.encode("a<tool>>b", addBOS: false).contains(id), "the longest token that matches is taken")
        #expect(try tokenizer.decode(tokenizer.encode("a<tool>b")) == Array("a<tool>b".utf8))
    }

    @Test func bosAsTheModelDefines() throws {
        let llama = try Fixture.tokenizer("llama2c")
        #expect(llama.addsBOS && llama.bosToken == 1 && llama.eosToken == 2)
        #expect(try llama.encode("a").first == 1)
        #expect(try llama.encode("a", addBOS: false).first != 1)
        #expect(try llama.encode("") == [1])
        let gpt2 = try Fixture.tokenizer("gpt2")
        #expect(!gpt2.addsBOS && gpt2.bosToken == nil)
        let error = #expect(throws: LensError.self) { try gpt2.encode("a", addBOS: true) }
        #expect(error?.kind == .usage)
    }

    @Test func idsOutsideTheVocabularyAreErrors() throws {
        let tokenizer = try Fixture.tokenizer("llama2c")
        for id: Int32 in [-1, 512, .max, .min] {
            let error = #expect(throws: LensError.self) { try tokenizer.decode([5, id]) }
            #expect(error?.kind == .data && error?.message.contains("position 1") == true)
            #expect(tokenizer.bytes(of: id) == nil)
        }
        #expect(tokenizer.bytes(of: 3) == [0])
        #expect(tokenizer.bytes(of: 265) == Array(" the".utf8))
        #expect(tokenizer.bytes(of: 1) == Array("<s>".utf8))
    }

    /// One word of a megabyte: quadratic merging would take hours.
    @Test(.timeLimit(.minutes(5)), arguments: ["gpt2", "llama3", "llama2c"])
    func longWords(name: String) throws {
        let tokenizer = try Fixture.tokenizer(name)
        for unit in ["a", " ", "ab", "\n", "1", "é", "."] {
            let text = Array(String(repeating: unit, count: 1_000_000 / unit.utf8.count).utf8)
            #expect(try tokenizer.decode(tokenizer.encode(text)) == text, "\(name): \(unit.debugDescription)")
        }
    }

    @Test func encodingIsTheSameFromManyThreads() async throws {
        let tokenizer = try Fixture.tokenizer("llama3")
        let samples = try Fixture.samples().plain
        let expected = try samples.map { try tokenizer.encode($0) }
        try await withThrowingTaskGroup(of: [[Int32]].self) { group in
            for _ in 0..<8 { group.addTask { try samples.map { try tokenizer.encode($0) } } }
            for try await ids in group { #expect(ids == expected) }
        }
    }

    @Test func originalFilesPassThrough() throws {
        let bytes = try Fixture.bytes("qwen2.json")
        let configuration = Array(
            #"{"bos_token": null, "eos_token": {"content": "<|im_start|>"}, "chat_template": "x"}"#.utf8)
        let tokenizer = try Tokenizer(.huggingFace(tokenizer: bytes, configuration: configuration, path: "t"))
        #expect(tokenizer.eosToken == 1)
        let files = try tokenizer.huggingFaceFiles()
        #expect(files.map(\.name) == ["tokenizer.json", "tokenizer_config.json"])
        #expect(files[0].bytes == bytes && files[1].bytes == configuration)
        #expect(tokenizer.ggufMetadata().string("tokenizer.chat_template") == "x")
    }

    @Test func metadataThatLlamaCppReads() throws {
        let metadata = try Fixture.tokenizer("llama3").ggufMetadata()
        #expect(metadata.string("tokenizer.ggml.model") == "gpt2")
        #expect(metadata.string("tokenizer.ggml.pre") == "llama-bpe")
        #expect(metadata.strings("tokenizer.ggml.tokens")?.count == 900)
        #expect(metadata.integers("tokenizer.ggml.token_type")?.prefix(3) == [3, 3, 1])
        #expect(metadata.integer("tokenizer.ggml.bos_token_id") == 0)
        #expect(metadata.bool("tokenizer.ggml.add_bos_token") == true)
        let llama = try Fixture.tokenizer("llama2c").ggufMetadata()
        #expect(llama.string("tokenizer.ggml.model") == "llama")
        #expect(llama.floats("tokenizer.ggml.scores")?[260] == -1)
        #expect(llama.integers("tokenizer.ggml.token_type")?[...5] == [2, 3, 3, 6, 6, 6])
        #expect(llama.strings("tokenizer.ggml.tokens")?[265] == Array("▁the".utf8))
    }

    /// GGUF has no name for a pattern of one's own: the whole tokenizer.json goes along, and is read back.
    @Test func ownPatternThroughGGUF() throws {
        let split =
            #"{"type": "Split", "pattern": {"Regex": "\\s\\w+"}, "behavior": "MergedWithPrevious", "invert": false}"#
        let original = String(decoding: try Fixture.bytes("gpt2.json"), as: UTF8.self)
        let start = try #require(original.range(of: #""pre_tokenizer":"#)).upperBound
        let end = try #require(original.range(of: #","post_processor""#)).lowerBound
        let steps =
            #"{"type": "Sequence", "pretokenizers": [\#(split), {"type": "ByteLevel", "add_prefix_space": false}]}"#
        let json = original.replacingCharacters(in: start..<end, with: steps)
        let tokenizer = try Tokenizer(.huggingFace(tokenizer: Array(json.utf8), configuration: nil, path: "own.json"))
        let metadata = tokenizer.ggufMetadata()
        #expect(metadata.string("tokenizer.ggml.pre") == "huggingface")
        let again = try Tokenizer(.gguf(metadata: metadata, path: "own.gguf"))
        for text in try Fixture.samples().plain { #expect(try again.encode(text) == tokenizer.encode(text)) }
    }
}
