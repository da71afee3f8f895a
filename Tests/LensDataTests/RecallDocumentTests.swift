import LensData
import Testing

@Suite struct RecallDocumentTests {
    @Test func factsAreAskedAsTheyWereStated() throws {
        var generator = try RecallDocumentGenerator(words: 3000, seed: 3)
        for _ in 0..<20 {
            let document = generator.next()
            let text = Array(document.text.utf8)
            #expect(!document.facts.isEmpty)
            for fact in document.facts {
                #expect(fact.stated[1] <= fact.asked[0])
                #expect(Array(text[fact.stated[0]..<fact.stated[1]]) == Array(text[fact.asked[0]..<fact.asked[1]]))
            }
        }
    }

    @Test func theSeedDecides() throws {
        var a = try RecallDocumentGenerator(words: 500, seed: 1)
        var b = try RecallDocumentGenerator(words: 500, seed: 1)
        var c = try RecallDocumentGenerator(words: 500, seed: 2)
        #expect(a.next() == b.next())
        #expect(a.next() != c.next())
    }

    @Test func lengthIsWhatWasAskedForToTheSentence() throws {
        var generator = try RecallDocumentGenerator(words: 4000, seed: 5)
        let words = generator.next().text.split(whereSeparator: \.isWhitespace).count
        #expect((4000..<4020).contains(words))
    }

    @Test func longDistancesAreAskedToo() throws {
        var generator = try RecallDocumentGenerator(words: 4000, seed: 7)
        let distances = (0..<20).flatMap { _ in generator.next().facts.map { $0.asked[0] - $0.stated[0] } }
        #expect(distances.filter { $0 < 500 }.count > 20)
        #expect(distances.filter { $0 > 8000 }.count > 20)
    }
}
