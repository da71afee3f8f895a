import LensFormats
import LensTokenizers
import Testing

@Suite struct ComparisonTests {
    private func tokenizer(_ pieces: [String], _ types: [Int32]) throws -> Tokenizer {
        var metadata = GGUFMetadata()
        metadata["tokenizer.ggml.model"] = .string(Array("llama".utf8))
        metadata["tokenizer.ggml.tokens"] = .strings(pieces.map { Array($0.utf8) })
        metadata["tokenizer.ggml.token_type"] = .int32s(types)
        metadata["tokenizer.ggml.scores"] = .float32s(types.map { _ in 0 })
        return try Tokenizer(.gguf(metadata: metadata, path: "t"))
    }

    /// Rows of the embedding beyond the tokenizer are filled up differently, and do not matter.
    @Test func paddingDoesNotMatter() throws {
        let own = try tokenizer(["<unk>", "<s>", "</s>", "a", "b"], [2, 3, 3, 1, 1])
        let padded = try tokenizer(["<unk>", "<s>", "</s>", "a", "b", "[PAD5]", "[PAD6]"], [2, 3, 3, 1, 1, 5, 5])
        let special = try tokenizer(["<unk>", "<s>", "</s>", "a", "b", "<pad>"], [2, 3, 3, 1, 1, 3])
        let other = try tokenizer(["<unk>", "<s>", "</s>", "b", "a"], [2, 3, 3, 1, 1])
        let more = try tokenizer(["<unk>", "<s>", "</s>", "a", "b", "ab"], [2, 3, 3, 1, 1, 1])
        #expect(own.firstDifference(from: padded) == nil && padded.firstDifference(from: own) == nil)
        #expect(padded.definedCount == 5 && own.definedCount == 5)
        #expect(own.firstDifference(from: special) == nil)
        #expect(special.firstDifference(from: own) == 5)
        #expect(own.firstDifference(from: other) == 3)
        #expect(own.firstDifference(from: more) == 5)
    }

    @Test func throughGGUF() throws {
        for name in ["gpt2", "llama3", "qwen2"] {
            let own = try Fixture.tokenizer(name)
            #expect(own.firstDifference(from: try Fixture.throughGGUF(name)) == nil, "\(name)")
        }
    }
}
