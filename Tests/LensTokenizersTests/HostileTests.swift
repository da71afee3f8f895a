import LensFormats
import LensSupport
import LensTokenizers
import Testing

/// Descriptions made to trap, to grow without end or never to end.
@Suite struct HostileTests {
    private static let plainBytes = #"{"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}"#

    private func tokenizer(_ parts: String) throws(LensError) -> Tokenizer {
        let rest = parts.contains("pre_tokenizer") ? parts : parts + #", "pre_tokenizer": \#(Self.plainBytes)"#
        let text = #"{"model": {"vocab": {"a": 0, "b": 1, "!": 2, "aa": 3}, "merges": ["a a"]}, \#(rest)}"#
        return try Tokenizer(.huggingFace(tokenizer: Array(text.utf8), configuration: nil, path: "t.json"))
    }

    private func split(_ pattern: String) throws(LensError) -> Tokenizer {
        let json = JSONValue.string(Array(pattern.utf8)).compactText
        let step =
            #"{"type": "Split", "pattern": {"Regex": \#(String(decoding: json, as: UTF8.self))}, "behavior": "Isolated"}"#
        return try tokenizer(
            #""pre_tokenizer": {"type": "Sequence", "pretokenizers": [\#(step), \#(Self.plainBytes)]}"#)
    }

    private func expectRefused(_ parts: String, says: String) {
        let error = #expect(throws: LensError.self) { try tokenizer(parts) }
        #expect(error?.kind == .data && error?.message.contains(says) == true, "\(error?.message ?? "")")
    }

    /// Every pattern of three of these pieces is refused or used; none traps.
    @Test func anyPattern() {
        let pieces = [
            "", "*", "+", "?", "(", ")", "(?", "(?i:", "(*", "[", "]", "[^", "{", "}", "{,", "{2}", "\\", "\\p", "\\p{",
            "\\p{^L}",
            "\\P{", "\\x", "\\x{", "\\x{110000}", "\\xff", "\\u", "\\b", "\\K", "^", "$", "|", "&&", "-", "a", "é",
            "(?<=",
        ]
        var used = 0
        for first in pieces {
            for second in pieces {
                for third in pieces {
                    do throws(LensError) {
                        _ = try split(first + second + third).encode("a b! aé")
                        used += 1
                    } catch {
                        #expect(error.kind == .data)
                    }
                }
            }
        }
        #expect(used > 100)
    }

    /// Each costs more than its text is worth, in one match or in all of them.
    @Test(arguments: [
        "(a+)+$", "(?:a|aa)+$", "(?:a*)*$", "(?=(?:a*)*b)a", "(?=\\p{L}*+!!)a", "(?:(?=a*+!!)|a)b", "a*a*a*a*[!b]c",
        "(?=(a{1,50}){1,50}b)a", "(?<!b)(?=a*+!!)a",
    ])
    func patternsThatBacktrack(pattern: String) throws {
        let tokenizer = try split(pattern)
        for text in [
            String(repeating: String(repeating: "a", count: 20) + "!", count: 4000),
            String(repeating: "a", count: 80_000) + "!",
        ] {
            do throws(LensError) {
                #expect(try tokenizer.encode(text).count > 0)
            } catch {
                #expect(error.kind == .data && error.message.contains("t.json") && error.message.contains("byte"))
            }
        }
    }

    /// Words of any length are cut where the published patterns can tell.
    @Test func lettersWithoutBreak() throws {
        let tokenizer = try split(
            #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
        )
        for unit in ["A", "a", " ", "中"] {
            _ = try tokenizer.encode(String(repeating: unit, count: 3_000_000) + "a")
        }
        #expect(try tokenizer.encode(String(repeating: "a", count: 3_000_000)).count == 1_500_000)
    }

    @Test func normalizersThatGrow() throws {
        let double = #"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#
        let pattern = #"{"type": "Replace", "pattern": {"Regex": "a"}, "content": "aaaaaaaa"}"#
        for step in [double, pattern, #"{"type": "Replace", "pattern": {"Regex": ""}, "content": "aaaaaaaa"}"#] {
            let steps = Array(repeating: step, count: 40).joined(separator: ", ")
            let tokenizer = try tokenizer(#""normalizer": {"type": "Sequence", "normalizers": [\#(steps)]}"#)
            let error = #expect(throws: LensError.self) { try tokenizer.encode("a b") }
            #expect(error?.kind == .data && error?.message.contains("16 times") == true)
        }
        let tokenizer = try tokenizer(#""normalizer": {"type": "Sequence", "normalizers": [\#(double), \#(double)]}"#)
        #expect(try tokenizer.encode(String(repeating: "a", count: 100_000)).count == 200_000)
    }

    @Test func stepsWithoutEnd() {
        let digits = Array(repeating: #"{"type": "Digits"}"#, count: 100_000).joined(separator: ", ")
        expectRefused(#""pre_tokenizer": {"type": "Sequence", "pretokenizers": [\#(digits)]}"#, says: "steps")
        let lower = Array(repeating: #"{"type": "Lowercase"}"#, count: 100).joined(separator: ", ")
        expectRefused(#""normalizer": {"type": "Sequence", "normalizers": [\#(lower)]}"#, says: "steps")
        let fuse = Array(repeating: #"{"type": "Fuse"}"#, count: 100).joined(separator: ", ")
        expectRefused(#""decoder": {"type": "Sequence", "decoders": [\#(fuse)]}"#, says: "steps")
        var nested = #"{"type": "NFC"}"#
        for _ in 0..<100 {
            nested = #"{"type": "Sequence", "normalizers": [\#(nested), \#(nested.count < 400 ? nested : "{}")]}"#
        }
        expectRefused(#""normalizer": \#(nested)"#, says: "nested")
    }

    /// Added tokens whose beginnings are everywhere in the text.
    @Test func addedTokensThatAlmostMatch() throws {
        let long = String(repeating: "a", count: 4000) + "b"
        let tokenizer = try tokenizer(
            #""added_tokens": [{"id": 4, "content": "\#(long)", "special": true, "normalized": false}]"#)
        let text = String(repeating: "a", count: 200_000)
        let error = #expect(throws: LensError.self) { try tokenizer.encode(text, parseSpecial: true) }
        #expect(error?.kind == .data)
        #expect(throws: LensError.self) { try tokenizer.specialTexts(in: Array(text.utf8)) }
        #expect(try tokenizer.encode(text).count == 100_000)
    }
}
