import LensGeneration
import Testing

/// Text in whole characters, up to what it ends at.
@Suite struct TextStreamTests {
    /// What comes of bytes, given one by one.
    private func pieces(_ bytes: [UInt8], stops: [String] = []) -> (pieces: [String], stop: String?) {
        var stream = TextStream(stops: stops)
        var pieces = bytes.map { stream.add([$0]) }
        pieces.append(stream.finish())
        return (pieces, stream.stop)
    }

    @Test func charactersComeWhole() {
        for text in ["abc", "é", "€uro", "a😀b", "日本語", "\u{D7FF}\u{E000}\u{10FFFF}\u{800}\u{10000}"] {
            let (pieces, stop) = pieces(Array(text.utf8))
            #expect(pieces.joined() == text && stop == nil)
            #expect(!pieces.joined().unicodeScalars.contains("\u{FFFD}"))
            #expect(pieces.filter { !$0.isEmpty }.count == text.unicodeScalars.count)
        }
        var stream = TextStream(stops: [])
        #expect(stream.add([0x61, 0xF0, 0x9F]) == "a")
        #expect(stream.add([0x98]) == "")
        #expect(stream.add([0x80, 0x62]) == "😀b")
    }

    /// What never becomes a character does not wait, and is told.
    @Test func otherBytesAreReplaced() {
        for (bytes, text): ([UInt8], String) in [
            ([0xFF, 0x61], "\u{FFFD}a"), ([0xC0, 0x80], "\u{FFFD}\u{FFFD}"), ([0xE2, 0x82], "\u{FFFD}"),
            ([0x80, 0x80, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"), ([0xF0, 0x61], "\u{FFFD}a"),
            ([0xED, 0xA0, 0x61], "\u{FFFD}\u{FFFD}a"), ([0xF5, 0x80], "\u{FFFD}\u{FFFD}"),
        ] { #expect(pieces(bytes).pieces.joined() == text) }
        var stream = TextStream(stops: [])
        #expect(stream.add([0xFF]) == "\u{FFFD}")
        #expect(stream.add([0xED, 0xA0]) == "\u{FFFD}\u{FFFD}")
        #expect(stream.add([0xE2, 0x82]) == "")
        #expect(stream.finish() == "\u{FFFD}")
    }

    @Test func textEndsBeforeAStop() {
        for (text, stops, expected, stop): (String, [String], String, String?) in [
            ("one. two", ["."], "one", "."), ("a\n\nb", ["\n\n"], "a", "\n\n"), ("a\nb", ["\n\n"], "a\nb", nil),
            ("aab", ["ab"], "a", "ab"), ("abcd", ["bx", "cd", "d"], "ab", "cd"), ("xyz", ["xyz"], "", "xyz"),
            ("ababac!", ["abac"], "ab", "abac"), ("né€", ["€"], "né", "€"), ("ab", ["abc"], "ab", nil),
        ] {
            let (pieces, found) = pieces(Array(text.utf8), stops: stops)
            #expect(pieces.joined() == expected && found == stop, "\(text) \(stops)")
            var whole = TextStream(stops: stops)
            #expect(whole.add(Array(text.utf8)) + whole.finish() == expected && whole.stop == stop)
        }
        // Of those that begin together the longest, where all of it is there.
        var stream = TextStream(stops: ["ab", "abc"])
        #expect(stream.add(Array("xabcd".utf8)) == "x")
        #expect(stream.stop == "abc")
        #expect(stream.add([0x61]) == "" && stream.finish() == "")
    }

    @Test func onlyWhatMayBecomeAStopWaits() {
        var stream = TextStream(stops: ["END"])
        #expect(stream.add(Array("the E".utf8)) == "the ")
        #expect(stream.add(Array("N".utf8)) == "")
        #expect(stream.add(Array("X ENDS".utf8)) == "ENX ")
        #expect(stream.stop == "END")
    }
}
