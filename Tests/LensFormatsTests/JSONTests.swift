import LensFormats
import LensSupport
import Testing

@Suite struct JSONTests {
    private func parse(_ text: String) throws(LensError) -> JSONValue {
        try JSONParser.parse(Array(text.utf8), path: "x.json")
    }

    @Test func values() throws {
        let value = try parse(
            #" { "a" : [1, -2.5e1, true, false, null, "\u00fc\ud83d\ude00\n\"\\\/"], "b":{}, "c":[] } "#)
        let object = try #require(value.object)
        #expect(object.keys == ["a", "b", "c"])
        #expect(
            object["a"] == .array([.integer(1), .number(-25), .bool(true), .bool(false), .null, .string("ü😀\n\"\\/")]))
        #expect(object["b"] == .object(JSONObject()))
        #expect(try parse("9223372036854775807").integer == .max)
        #expect(try parse("9223372036854775808").integer == nil)
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
    func refuses(_ text: String) {
        #expect(message(.data) { _ = try parse(text) }.contains("x.json"))
    }

    @Test func refusesInvalidUTF8() {
        _ = message(.data) { _ = try JSONParser.parse([0x22, 0xFF, 0x22], path: "x") }
        // A surrogate in UTF-8, and an overlong slash.
        _ = message(.data) { _ = try JSONParser.parse([0x22, 0xED, 0xA0, 0x80, 0x22], path: "x") }
        _ = message(.data) { _ = try JSONParser.parse([0x22, 0xC0, 0xAF, 0x22], path: "x") }
    }

    @Test func limitsDepth() throws {
        let fits = JSONParser.depthLimit - 1
        _ = try parse(String(repeating: "[", count: fits) + "1" + String(repeating: "]", count: fits))
        for text in [String(repeating: "[", count: 1_000_000), String(repeating: "{\"a\":", count: 1_000_000)] {
            #expect(message(.data) { _ = try parse(text) }.contains("nested"))
        }
    }

    @Test func namesTheLine() {
        #expect(message(.data) { _ = try parse("{\n\"a\": 1,\n\"b\": x}") }.contains("line 3"))
    }

    @Test func roundTrip() throws {
        let text = #"{"a":[1,2.5,"ü\u0001\"\\\n"],"b":{"c":[[1],{"d":null}],"e":[]},"f":1e-05}"#
        let value = try parse(text)
        #expect(try parse(value.text) == value)
        #expect(try parse(value.compactText) == value)
        #expect(value.compactText == text)
    }
}
