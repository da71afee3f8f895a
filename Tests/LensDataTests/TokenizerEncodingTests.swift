import LensData
import LensFormats
import LensSupport
import LensTokenizers
import Testing

@Suite struct EncodingByTokenizer {
    /// A llama2.c tokenizer file: `<unk>`, `<s>`, `</s>`, the 256 bytes, a space, `a`, `b` and `ab`.
    func tokenizer() throws -> Tokenizer {
        var pieces = ["<unk>", "\n<s>\n", "\n</s>\n"]
        for byte in 0..<256 {
            let digits = String(byte, radix: 16, uppercase: true)
            pieces.append("<0x\(digits.count < 2 ? "0" : "")\(digits)>")
        }
        pieces += [" ", "a", "b", "ab"]
        func little(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        var bytes = little(8)
        for (id, piece) in pieces.enumerated() {
            bytes += little(Float(-id).bitPattern) + little(UInt32(piece.utf8.count)) + Array(piece.utf8)
        }
        return try Tokenizer(.llama2c(bytes: bytes, vocabularySize: pieces.count, path: "tok.bin"))
    }

    @Test func policiesReachTheTokenizer() throws {
        let tokenizer = try tokenizer()
        let document = Document(id: "d", content: .text(Array("abb</s>".utf8)))
        let plain = try DocumentEncoder(tokenizer, bos: .never).tokens(of: document)
        #expect(try DocumentEncoder(tokenizer, bos: .always).tokens(of: document) == [1] + plain)
        #expect(try DocumentEncoder(tokenizer).tokens(of: document) == (tokenizer.addsBOS ? [1] : []) + plain)
        #expect(plain.starts(with: [259, 262, 261]))
        #expect(!plain.contains(2), "text that spells a control token stays text")
    }
}
