import LensData
import LensSupport
import LensTestSupport
import Testing

@Suite struct PackingTests {
    @Test(arguments: [1, 2, 7, 64, 100])
    func everyDocumentIsInOneSequence(capacity: Int) {
        var generator = SeededGenerator(seed: UInt64(capacity))
        let lengths = (0..<500).map { _ in 1 + generator.below(capacity) }
        let sequences = SequencePacking.sequences(of: lengths, capacity: capacity)
        #expect(sequences.joined().sorted() == Array(lengths.indices))
        let sizes = sequences.map { $0.reduce(0) { $0 + lengths[$1] } }
        #expect(sizes.allSatisfy { $0 <= capacity })
        #expect(
            sequences.allSatisfy { $0 == $0.sorted() } && sequences.map { $0[0] } == sequences.map { $0[0] }.sorted())
        // Best-fit decreasing takes at most 11/9 of the best, and one more (Johnson, 1973).
        let least = (lengths.reduce(0, +) + capacity - 1) / capacity
        #expect(sequences.count <= max(least * 11 / 9 + 1, lengths.count { 2 * $0 > capacity }))
        #expect(sequences == SequencePacking.sequences(of: lengths, capacity: capacity))
    }

    @Test func theLeastRoomThatSuffices() {
        #expect(SequencePacking.sequences(of: [5, 3, 6, 4, 2], capacity: 10) == [[0, 1, 4], [2, 3]])
        #expect(SequencePacking.sequences(of: [], capacity: 10) == [])
        #expect(SequencePacking.sequences(of: [10, 10], capacity: 10) == [[0], [1]])
    }

    private func message(_ body: () throws -> Void) -> String {
        do { try body() } catch let error as LensError where error.kind == .data { return error.message } catch {}
        Issue.record("no error of data")
        return ""
    }

    private func sequences(_ lengths: [Int], _ length: Int) throws -> TrainingSequences {
        let documents = lengths.enumerated().map { index, count in
            Document(id: "d\(index)", content: .tokens((0..<Int32(count)).map { 1 + $0 % 50 }))
        }
        let encoder = try DocumentEncoder(TokenIDsEncoding(model: "m", vocabularySize: 60, bosToken: nil))
        return try TrainingSequences(documents: documents, encoder: encoder, length: length, packs: true)
    }

    @Test func packedSequences() throws {
        let made = try sequences([5, 3, 6, 1, 4, 2], 10)
        #expect(made.count == 2 && made.packs && made.documentCount == 6 && made.shortDocumentCount == 1)
        #expect(made.droppedTokenCount == 1 && made.tokenCount == 21 && made.longestDocument == 6)
        let first = made[0]
        #expect(first.document == "d0" && first.documentStarts == [0, 5, 8] && first.tokens.count == 10)
        #expect(first.documents.map(\.document) == ["d0", "d1", "d5"])
        #expect(first.documents.map(\.tokens) == [[1, 2, 3, 4, 5], [1, 2, 3], [1, 2]])
        #expect(first.predictionCount == 7 && made.predictionCount(of: 0) == 7 && made.tokenCount(of: 0) == 10)
        #expect(first.predictions(Array(0..<9)) == [0, 1, 2, 3, 5, 6, 8])
        #expect(first.joined([[1, 2, 3, 4], [5, 6], [7]], empty: 0) == [1, 2, 3, 4, 0, 5, 6, 0, 7])
        #expect(first.name.contains("3 documents") && first.name.contains("d5"))
        #expect(made.leastPredictionCount == 7)
        let other = try sequences([5, 3, 6, 1, 4, 2], 12)
        #expect(made.digest == other.digest && other.count == 2)
    }

    @Test func documentsThatDoNotFit() throws {
        let text = message { _ = try sequences([3, 11], 10) }
        #expect(text.contains("d1") && text.contains("11 tokens") && text.contains("at most 10"))
        #expect(message { _ = try sequences([1, 1], 10) }.contains("2 are the least"))
    }

    /// Of one document nothing is special.
    @Test func oneDocument() {
        let one = TokenSequence(document: "a", index: 3, tokens: [1, 2, 3])
        #expect(one.documents == [one] && one.documentStarts == [0] && one.predictionCount == 2)
        #expect(one.predictions([5, 6]) == [5, 6] && one.joined([[5, 6]], empty: 0) == [5, 6])
        #expect(one.name == "document a, sequence 3")
    }
}
