import Foundation
import LensFormats
import LensSupport
import LensTokenizers
import Testing

/// The `sentencepiece` library's model files, built here from the vocabulary of tok512.bin.
@Suite struct SentencePieceModelTests {
    private func varint(_ value: Int) -> [UInt8] {
        var rest = UInt64(bitPattern: Int64(value))
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(bytes.count) + bytes
    }
    private func field(_ number: Int, _ value: Int) -> [UInt8] { varint(number << 3) + varint(value) }

    /// Trainer and normalizer beside the pieces that the GGUF metadata of tok512.bin has.
    private func model(kind: Int = 2, removesSpaces: Bool = false, characterMap: [UInt8] = []) throws -> [UInt8] {
        let metadata = try Fixture.tokenizer("llama2c").ggufMetadata()
        let pieces = try #require(metadata.strings("tokenizer.ggml.tokens"))
        let scores = try #require(metadata.floats("tokenizer.ggml.scores"))
        let types = try #require(metadata.integers("tokenizer.ggml.token_type"))
        var bytes: [UInt8] = []
        for (index, piece) in pieces.enumerated() {
            let bits = scores[index].bitPattern
            let score = (0..<4).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
            bytes += field(1, field(1, piece) + [0x15] + score + field(3, Int(types[index])))
        }
        bytes += field(2, field(3, kind) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2) + field(43, -1))
        return bytes
            + field(
                3,
                field(1, Array("identity".utf8)) + field(2, characterMap) + field(3, 1)
                    + field(4, removesSpaces ? 1 : 0))
    }

    private func tokenizer(_ bytes: [UInt8]) throws(LensError) -> Tokenizer {
        try Tokenizer(.sentencePiece(bytes: bytes, path: "tokenizer.model"))
    }

    @Test func samples() throws {
        let tokenizer = try tokenizer(model())
        #expect(tokenizer.bosToken == 1 && tokenizer.eosToken == 2 && tokenizer.addsBOS && !tokenizer.addsEOS)
        let expected = try #require(Fixture.expected()["sentencepiece"])
        for (text, ids) in zip(try Fixture.samples().plain, expected.plain) where !text.contains("\0") {
            #expect(try tokenizer.encode(text, addBOS: false) == ids, "\(text.debugDescription)")
        }
    }

    @Test func spacesAreRemovedWhereTheModelSaysSo() throws {
        let tokenizer = try tokenizer(model(removesSpaces: true))
        #expect(try tokenizer.encode("  two   words ") == tokenizer.encode("two words"))
        #expect(tokenizer.normalizes)
    }

    @Test func otherKindsAreNamed() throws {
        for (bytes, says) in [(try model(kind: 1), "unigram"), (try model(characterMap: [1, 2, 3]), "identity")] {
            let error = #expect(throws: LensError.self) { try tokenizer(bytes) }
            #expect(error?.kind == .data && error?.message.contains("SentencePiece") == true)
            #expect(error?.message.contains(says) == true && error?.message.contains("tokenizer.json") == true)
        }
    }

    @Test func damagedModels() throws {
        let bytes = try model()
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<1500 {
            var damaged = bytes
            for _ in 0...Int(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(bytes.count))] ^= UInt8(1 << (generator.next() % 8))
            }
            if generator.next() % 3 == 0 { damaged.removeLast(Int(generator.next() % UInt64(bytes.count))) }
            do throws(LensError) { _ = try tokenizer(damaged).encode("Once upon a time <s>", parseSpecial: true) } catch
            {
                #expect(error.message.contains("tokenizer.model"))
            }
        }
    }
}
