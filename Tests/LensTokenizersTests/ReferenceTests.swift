import Foundation
import LensFormats
import LensSupport
import LensTestSupport
import LensTokenizers
import Testing

let byteLevel = ["gpt2", "smollm", "llama3", "qwen2", "added"]
let sentencePiece = ["llama2", "metaspace"]

/// Ids against the `tokenizers` and `sentencepiece` libraries.
@Suite struct ReferenceTests {
    @Test(arguments: byteLevel + sentencePiece)
    func samplesFromTokenizerJSON(name: String) throws {
        try expectSamples(Fixture.tokenizer(name), name)
    }

    @Test func samplesFromLlama2C() throws {
        try expectSamples(Fixture.tokenizer("llama2c"), "llama2")
        try expectSamples(Fixture.tokenizer("llama2c"), "sentencepiece")
    }

    /// GGUF does not normalize (added) and always puts a space before text (metaspace), so these two are left out.
    @Test(arguments: ["gpt2", "smollm", "llama3", "llama2", "llama2c"])
    func samplesThroughGGUF(name: String) throws {
        try expectSamples(Fixture.throughGGUF(name), name == "llama2c" ? "llama2" : name)
    }

    @Test(arguments: ["gpt2", "smollm", "llama3", "llama2", "llama2c"])
    func samplesThroughGGUFAndTokenizerJSON(name: String) throws {
        let tokenizer = try Fixture.fromFiles(Fixture.throughGGUF(name), name)
        try expectSamples(tokenizer, name == "llama2c" ? "llama2" : name)
    }

    private func expectSamples(_ tokenizer: Tokenizer, _ name: String) throws {
        let samples = try Fixture.samples()
        let expected = try #require(Fixture.expected()[name])
        try #require(samples.plain.count == expected.plain.count)
        for (text, ids) in zip(samples.plain, expected.plain) {
            if ids.isEmpty, text.contains("\0") { continue }
            #expect(try tokenizer.encode(text, addBOS: false) == ids, "\(name): \(text.debugDescription)")
            #expect(
                try tokenizer.encode(text, addBOS: false, parseSpecial: true) == ids,
                "\(name): \(text.debugDescription)")
        }
        let special = samples.special + (name == "added" ? samples.added : [])
        // The reference of a SentencePiece model knows no special tokens in text.
        guard let references = expected.special else { return #expect(name == "sentencepiece") }
        try #require(special.count == references.count)
        for (text, ids) in zip(special, references) {
            #expect(
                try tokenizer.encode(text, addBOS: false, parseSpecial: true) == ids,
                "\(name): \(text.debugDescription)")
        }
        if let ids = expected.with_bos {
            #expect(try tokenizer.encode("Hello") == ids)
            #expect(
                try tokenizer.encode("Hello", addBOS: false)
                    == ids.drop { $0 == tokenizer.bosToken && tokenizer.addsBOS }[...].map { $0 })
        }
    }

    /// Whole languages and books, where the shared data is present.
    @Test(
        .enabled(if: SharedFiles.path("corpus") != nil, "needs the shared texts"),
        arguments: byteLevel + sentencePiece + ["llama2c"])
    func corpus(name: String) throws {
        let tokenizer = try Fixture.tokenizer(name)
        let expected = try #require(Fixture.corpusIDs()[name == "llama2c" ? "sentencepiece" : name])
        for (folder, reference) in expected {
            let texts = SharedFiles.texts(
                below: try #require(SharedFiles.path(folder == "books" ? "corpus" : folder)))
            try #require(texts.count == reference.files, "other texts than the hashes were made from")
            var ids: [Int32] = []
            for text in texts {
                ids += try tokenizer.encode(Array(Data(contentsOf: URL(filePath: text))), addBOS: false)
            }
            #expect(ids.count == reference.ids)
            #expect(Fixture.hash(ids) == reference.hash, "\(name), \(folder)")
        }
    }
}
