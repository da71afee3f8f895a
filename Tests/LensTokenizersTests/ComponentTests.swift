import Foundation
import LensFormats
import LensSupport
import LensTokenizers
import Testing

/// Each component of a tokenizer.json against the `tokenizers` library, each pre-tokenizer of GGUF against llama.cpp.
@Suite struct ComponentTests {
    struct Components: Decodable {
        struct Case: Decodable {
            var name: String
            var base: String
            var parts: String
            var counts: [Int]
            var hashes: [String]
        }
        var texts: [String]
        var cases: [Case]
    }

    struct GGUFWords: Decodable {
        struct Kind: Decodable {
            var names: [String]
            var hashes: [String]
        }
        var texts: [String]
        var kinds: [Kind]
    }

    @Test func components() throws {
        let all = try JSONDecoder().decode(Components.self, from: Data(Fixture.bytes("components.json")))
        #expect(all.cases.count > 40)
        for one in all.cases {
            let json = try Fixture.replacing(try Fixture.bytes("\(one.base).json"), by: one.parts)
            let tokenizer = try Tokenizer(.huggingFace(tokenizer: json, configuration: nil, path: one.name))
            for (index, text) in all.texts.enumerated() {
                let ids = try tokenizer.encode(text, parseSpecial: true)
                #expect(
                    ids.count == one.counts[index] && Fixture.hash(ids) == one.hashes[index],
                    "\(one.name): \(text.debugDescription)")
            }
        }
    }

    /// Longer than what a match sees at first: the same steps cut far apart matches and matches of any length.
    @Test func longMatches() throws {
        let digits =
            #"{"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{N}|z+(?=y)"}, "behavior": "Removed"}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}}"#
        let json = try Fixture.replacing(try Fixture.bytes("gpt2.json"), by: digits)
        let tokenizer = try Tokenizer(.huggingFace(tokenizer: json, configuration: nil, path: "t"))
        for count in [1, 500, 511, 512, 513, 2047, 2048, 5000] {
            for letter in ["x", "é", "中"] {
                let gap = String(repeating: letter, count: count)
                let text =
                    gap + "1" + gap + String(repeating: "z", count: count) + "y" + String(repeating: "z", count: 9)
                    + "7"
                let left = gap + "\u{1}" + gap + "\u{1}y" + String(repeating: "z", count: 9)
                let words = left.split(separator: "\u{1}").map(String.init)
                #expect(try tokenizer.encode(text) == words.flatMap { try tokenizer.encode($0) }, "\(count) \(letter)")
            }
        }
    }

    @Test func preTokenizersThatGGUFNames() throws {
        let all = try JSONDecoder().decode(GGUFWords.self, from: Data(Fixture.bytes("gguf.json")))
        var metadata = try Fixture.tokenizer("gpt2").ggufMetadata()
        var names = 0
        for kind in all.kinds {
            for name in kind.names {
                names += 1
                metadata["tokenizer.ggml.pre"] = .string(Array(name.utf8))
                let tokenizer = try Tokenizer(.gguf(metadata: metadata, path: "t.gguf"))
                #expect(tokenizer.warnings.isEmpty)
                for (text, hash) in zip(all.texts, kind.hashes) {
                    let ids = try tokenizer.encode(text, addBOS: false)
                    #expect(Fixture.hash(ids) == hash, "\(name): \(text.debugDescription)")
                }
            }
        }
        #expect(names > 80)
    }

    // MARK: Writing GGUF

    private func gpt2(_ parts: String) throws -> Tokenizer {
        let json = try Fixture.replacing(try Fixture.bytes("gpt2.json"), by: parts)
        return try Tokenizer(.huggingFace(tokenizer: json, configuration: nil, path: "t"))
    }

    private func split(_ pattern: String) throws -> String {
        let text = String(decoding: try JSONEncoder().encode(pattern), as: UTF8.self)
        return
            #"{"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": \#(text)}, "behavior": "Isolated"}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}}"#
    }

    @Test func namesArePutIntoGGUF() throws {
        let tekken =
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        let named = try gpt2(split(tekken))
        #expect(named.ggufMetadata().string("tokenizer.ggml.pre") == "tekken")
        #expect(named.ggufLosses.count == 1 && named.ggufLosses[0].contains("tekken"))
        let unnamed = try gpt2(split(#"\s\w+"#))
        #expect(unnamed.ggufLosses.count == 1 && unnamed.ggufLosses[0].contains("llama.cpp refuses"))
        #expect(try Fixture.tokenizer("gpt2").ggufLosses.isEmpty && Fixture.tokenizer("llama3").ggufLosses.isEmpty)
        #expect(try Fixture.tokenizer("smollm").ggufLosses.isEmpty && Fixture.tokenizer("llama2").ggufLosses.isEmpty)
    }

    @Test func whatGGUFDropsIsNamed() throws {
        let normalizing = try gpt2(
            #"{"normalizer": {"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "NFC"}]}}"#)
        #expect(normalizing.ggufLosses.contains { $0.contains("Lowercase, NFC") })
        #expect(try Fixture.tokenizer("added").ggufLosses.contains { $0.contains("lstrip") })
    }

    @Test func aFileWithoutPreTokenizerIsWarnedOf() throws {
        var metadata = try Fixture.tokenizer("gpt2").ggufMetadata()
        metadata["tokenizer.ggml.pre"] = nil
        let tokenizer = try Tokenizer(.gguf(metadata: metadata, path: "old.gguf"))
        #expect(tokenizer.warnings.count == 1 && tokenizer.warnings[0].contains("tokenizer.ggml.pre"))
    }

    // MARK: Ends of text

    @Test func eosWhereTheModelDefinesIt() throws {
        var metadata = try Fixture.tokenizer("gpt2").ggufMetadata()
        metadata["tokenizer.ggml.eos_token_id"] = .uint32(5)
        metadata["tokenizer.ggml.add_eos_token"] = .bool(true)
        let tokenizer = try Tokenizer(.gguf(metadata: metadata, path: "t.gguf"))
        #expect(tokenizer.addsEOS && tokenizer.eosToken == 5)
        let plain = try tokenizer.encode("Hello", addEOS: false)
        #expect(try tokenizer.encode("Hello") == plain + [5] && plain.last != 5)
        metadata["tokenizer.ggml.eos_token_id"] = nil
        let without = try Tokenizer(.gguf(metadata: metadata, path: "t.gguf"))
        #expect(try !without.addsEOS && without.warnings.count == 1 && without.encode("Hello") == plain)
        let error = #expect(throws: LensError.self) { try without.encode("Hello", addEOS: true) }
        #expect(error?.kind == .usage)
    }

    @Test func spelledSpecialTokensAreCounted() throws {
        let tokenizer = try Fixture.tokenizer("gpt2")
        #expect(try tokenizer.specialTexts(in: Array("a<|endoftext|>b <|endoftext|".utf8)) == [0: 1])
        #expect(try tokenizer.specialTexts(in: Array("nothing".utf8)).isEmpty)
    }
}

extension Fixture {
    /// The JSON object `json` with the members of `parts` instead of its own.
    static func replacing(_ json: [UInt8], by parts: String) throws -> [UInt8] {
        let object = try JSONSerialization.jsonObject(with: Data(json)) as? [String: Any]
        let other = try JSONSerialization.jsonObject(with: Data(parts.utf8)) as? [String: Any]
        let merged = (object ?? [:]).merging(other ?? [:]) { $1 }
        return Array(try JSONSerialization.data(withJSONObject: merged))
    }
}
