import LensSupport
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String, uniqueKeys: Bool = true) throws(LensError) -> JSONValue {
        try JSONValue.parse(Array(text.utf8), path: "x.json", uniqueKeys: uniqueKeys)
    }

    private func expectRefused(
        _ text: [UInt8], _ part: String = "x.json", sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: LensError.self, sourceLocation: sourceLocation) {
            try JSONValue.parse(text, path: "x.json")
        }
        #expect(error?.kind == .data, sourceLocation: sourceLocation)
        let message = error?.message ?? ""
        #expect(message.hasPrefix("x.json") && message.contains(part), "\(message)", sourceLocation: sourceLocation)
    }

    @Test func values() throws {
        let value = try parse(
            #" { "a" : [1, -2.5e1, true, false, null, "\u00fc\ud83d\ude00\n\"\\\/"], "b":{}, "c":[] } "#)
        #expect(value.members?.map(\.name) == ["a", "b", "c"])
        #expect(value["a"] == [1, .number(-25), true, false, .null, "ü😀\n\"\\/"])
        #expect(value["b"] == [:])
        #expect(value["c"] == [])
        #expect(try parse("9223372036854775807").integer == .max)
        #expect(try parse("9223372036854775808").integer == nil)
        #expect(try parse("-9223372036854775808") == .integer(.min))
        #expect(try parse("8192.0").integer == 8192)
        #expect(try parse("0.5").integer == nil)
        #expect(try parse("-0").number == 0)
        #expect(try parse("1e-400").number == 0)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "tru", "nul", "01", "-",
        "1.",
        "1e", "1e+", ".5", "+1", "NaN", "Infinity", "-Infinity", "1e999", "-1e999", "\"", "\"\\", "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"a\nb\"", "1 2", "{\"a\":1 \"b\":2}", "[1 2]",
        "{\"a\":1,\"a\":2}", "]", "'a'", "/**/1", "\u{0}",
    ])
    func refuses(_ text: String) { expectRefused(Array(text.utf8)) }

    @Test func refusesInvalidUTF8() {
        // A byte of no character, a surrogate, an overlong slash, half a character.
        for bytes: [UInt8] in [[0xFF], [0xED, 0xA0, 0x80], [0xC0, 0xAF], [0xE2, 0x96]] {
            expectRefused([0x22, 0x61] + bytes + [0x22], "byte 2: the text is not valid UTF-8")
            expectRefused(bytes)
        }
    }

    @Test func limitsDepth() throws {
        let fits = JSONScanner.depthLimit - 1
        _ = try parse(String(repeating: "[", count: fits) + "1" + String(repeating: "]", count: fits))
        for text in [String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 1_000_000)] {
            expectRefused(Array(text.utf8), "nested")
        }
    }

    @Test func namesTheLine() { expectRefused(Array("{\n\"a\": 1,\n\"b\": x}".utf8), "line 3, byte 15") }

    @Test func byteOrderMarkIsPassed() throws { #expect(try parse("\u{FEFF}[1]") == [1]) }

    @Test func keysAndNull() throws {
        let value = try parse(#"{"a":null,"b":1,"b":2}"#, uniqueKeys: false)
        #expect(value.members?.count == 3)
        #expect(value["a"] == nil && value.member("a") == .null && value.member("c") == nil)
        #expect(value["b"] == 2)
        // Canonically equivalent, and different all the same.
        let spellings = try parse("{\"\u{E9}\":1,\"e\u{301}\":2}", uniqueKeys: false)
        #expect(spellings["\u{E9}"] == 1 && spellings["e\u{301}"] == 2)
        #expect(JSONValue("\u{E9}") != JSONValue("e\u{301}"))
    }

    /// Any bytes give a value or an error.
    @Test func damagedText() throws {
        let text = Array(#"{"a":[1,-2.5e1,true,null,"\u00fc\ud83d\ude00\n ü"],"b":{"c":[[],{}]}}"#.utf8)
        var generator = SeededGenerator(seed: 3)
        for _ in 0..<20_000 {
            var damaged = text
            for _ in 0...Int(generator.next() % 3) {
                damaged[Int(generator.next() % UInt64(text.count))] = UInt8(truncatingIfNeeded: generator.next())
            }
            let result = Result { () throws(LensError) in try JSONValue.parse(damaged, path: "x.json") }
            switch result {
            case .success(let value): #expect(try JSONValue.parse(value.compactText, path: "") == value)
            case .failure(let error): #expect(error.kind == .data)
            }
        }
        for count in text.indices { expectRefused(Array(text[..<count])) }
    }

    @Test func roundTrip() throws {
        let text = #"{"a":[1,2.5,"ü\u0001\"\\\n"],"b":{"c":[[1],{"d":null}],"e":[]},"f":1e-05}"#
        let value = try parse(text)
        #expect(try JSONValue.parse(value.prettyText, path: "") == value)
        #expect(value.compactText == Array(text.utf8))
    }

    @Test func prettyText() throws {
        let value = try parse(#"{"a":[1,"b"],"c":{},"d":[],"e":[[],{"f":null}]}"#)
        let expected = """
            {
              "a": [1, "b"],
              "c": {},
              "d": [],
              "e": [
                [],
                {
                  "f": null
                }
              ]
            }

            """
        #expect(String(decoding: value.prettyText, as: UTF8.self) == expected)
    }
}
