import LensData
import LensSupport
import Testing

@Suite struct EmbeddingRowsTests {
    /// A token past the embedding is found where the document is read, and named with document, place and rows.
    @Test func aTokenBeyondTheEmbeddingNamesItsDocument() throws {
        var encoder = try DocumentEncoder(ByteEncoding(addsBOS: false))
        encoder.embeddingRows = 120
        #expect(try encoder.tokens(of: Document(id: "a", content: .text(Array("abc".utf8)))) == [97, 98, 99])
        for content in [Document.Content.text(Array("abyz".utf8)), .tokens([1, 2, 121, 122])] {
            let document = Document(id: "a", content: content, source: "docs/17.txt")
            let error = #expect(throws: LensError.self) { _ = try encoder.tokens(of: document) }
            #expect(error?.kind == .data && error?.message.hasPrefix("docs/17.txt: token 2 is 121") == true)
            #expect(error?.message.contains("120 rows") == true)
        }
    }
}
