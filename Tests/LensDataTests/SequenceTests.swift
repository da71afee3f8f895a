import LensData
import LensSupport
import Synchronization
import LensTestSupport
import Testing

@Suite struct EncodingDocuments {
    @Test func policyDecidesOverBOS() throws {
        let document = Document(id: "d", content: .text([1, 2]))
        #expect(try DocumentEncoder(ByteEncoding()).tokens(of: document) == [256, 1, 2])
        #expect(try DocumentEncoder(ByteEncoding(addsBOS: false)).tokens(of: document) == [1, 2])
        #expect(try DocumentEncoder(ByteEncoding(addsBOS: false), bos: .always).tokens(of: document) == [256, 1, 2])
        #expect(try DocumentEncoder(ByteEncoding(), bos: .never).tokens(of: document) == [1, 2])
        let error = #expect(throws: LensError.self) {
            _ = try DocumentEncoder(ByteEncoding(bosToken: nil), bos: .always)
        }
        #expect(error?.kind == .usage)
    }

    @Test func policyDecidesOverEOS() throws {
        let document = Document(id: "d", content: .text([1, 2]))
        let ending = ByteEncoding(addsBOS: false, eosToken: 9, addsEOS: true)
        #expect(try DocumentEncoder(ending).tokens(of: document) == [1, 2, 9])
        #expect(try DocumentEncoder(ending, eos: .never).tokens(of: document) == [1, 2])
        let other = ByteEncoding(addsBOS: false, eosToken: 9)
        #expect(try DocumentEncoder(other).tokens(of: document) == [1, 2])
        #expect(try DocumentEncoder(other, eos: .always).tokens(of: document) == [1, 2, 9])
        #expect(try DocumentEncoder(other, eos: .always).tokens(of: Document(id: "d", content: .tokens([3]))) == [3])
        let error = #expect(throws: LensError.self) { _ = try DocumentEncoder(ByteEncoding(), eos: .always) }
        #expect(error?.kind == .usage)
    }

    @Test func spelledSpecialTokensAreReadOrCounted() throws {
        let text = Document(id: "d", content: .text([1, 0, 0]), source: "d.txt")
        let said = Mutex<[String]>([])
        let plain = try DocumentEncoder(ByteEncoding(), bos: .never) { text in said.withLock { $0.append(text) } }
        for _ in 0..<3 { #expect(try plain.tokens(of: text) == [1, 0, 0]) }
        #expect(plain.spelledSpecials.documentCount == 3 && plain.spelledSpecials.counts == ["<bos>": 6])
        #expect(plain.spelledSpecials.warning?.contains("d.txt and 2 more documents spells") == true)
        said.withLock { said in
            #expect(said.count == 1, "the first document alone is told at once")
            #expect(said[0].contains("d.txt spells") && said[0].contains("<bos> 2×") && said[0].contains("--special"))
        }
        let special = try DocumentEncoder(ByteEncoding(), bos: .never, special: true)
        #expect(try special.tokens(of: text) == [1, 256, 256] && special.spelledSpecials.warning == nil)
    }

    @Test func tokensAreUsedAsGivenAndChecked() throws {
        let encoder = try DocumentEncoder(ByteEncoding(), bos: .always)
        #expect(try encoder.tokens(of: Document(id: "d", content: .tokens([5, 256]))) == [5, 256])
        for (tokens, index) in [([0, 257] as [Int32], 1), ([-1], 0), ([1, 2, 3, .max], 3)] {
            let error = #expect(throws: LensError.self) {
                try encoder.tokens(of: Document(id: "d", content: .tokens(tokens), source: "x.jsonl, line 3"))
            }
            #expect(error?.kind == .data && error?.message.contains("x.jsonl, line 3: tokens[\(index)]") == true)
        }
    }
}

@Suite struct CuttingSequences {
    @Test(arguments: [true, false], [true, false]) func everyTokenOnce(bos: Bool, keepLast: Bool) {
        for length in 2...9 {
            for count in 1...30 {
                let tokens: [Int32] = (bos ? [99] : []) + (0..<Int32(count))
                let cutter = SequenceCutter(length: length, bosToken: 99, keepLast: keepLast)
                let sequences = cutter.sequences(of: tokens, document: "d")
                #expect(sequences.map(\.index) == Array(0..<sequences.count))
                #expect(sequences.dropLast().allSatisfy { $0.tokens.count == length })
                #expect(sequences.allSatisfy { !bos || $0.tokens.first == 99 })
                if let last = sequences.last {
                    #expect(keepLast ? (2...length).contains(last.tokens.count) : last.tokens.count == length)
                }
                let body = sequences.flatMap { $0.tokens.dropFirst(bos ? 1 : 0) }
                #expect(body == Array(0..<Int32(body.count)))
                // What is left is less than a sequence, or than a prediction.
                let left = count - body.count
                #expect(left >= 0 && left < (keepLast ? (bos ? 1 : 2) : bos ? length - 1 : length))
            }
        }
    }

    @Test func likeThePaper() {
        let tokens: [Int32] = [9, 0, 1, 2, 3, 4, 5, 6]
        let sequences = SequenceCutter(length: 4, bosToken: 9).sequences(of: tokens, document: "d")
        #expect(sequences.map(\.tokens) == [[9, 0, 1, 2], [9, 3, 4, 5]])
        let kept = SequenceCutter(length: 4, bosToken: 9, keepLast: true).sequences(of: tokens, document: "d")
        #expect(kept.map(\.tokens) == [[9, 0, 1, 2], [9, 3, 4, 5], [9, 6]])
        let plain = SequenceCutter(length: 4, bosToken: 1).sequences(of: tokens, document: "d")
        #expect(plain.map(\.tokens) == [[9, 0, 1, 2], [3, 4, 5, 6]])
    }
}

@Suite struct TrainingData {
    func sequences(_ lines: [String], length: Int, bos: BoundaryPolicy = .auto) throws -> TrainingSequences {
        let folder = try TemporaryFolder()
        let path = try folder.write("d.jsonl", lines.map { "{\"text\":\"\($0)\"}\n" }.joined())
        return try TrainingSequences(
            DocumentReader(paths: [path]), encoder: DocumentEncoder(ByteEncoding(), bos: bos), length: length)
    }

    @Test func sequencesOfAllDocuments() throws {
        let data = try sequences(["abcdefgh", "xy", "klmnop", "qrs"], length: 4)
        let expected: [(String, Int, String)] = [
            ("d.jsonl:1", 0, "abc"), ("d.jsonl:1", 1, "def"), ("d.jsonl:3", 0, "klm"), ("d.jsonl:3", 1, "nop"),
            ("d.jsonl:4", 0, "qrs"),
        ]
        #expect(data.count == 5 && data.documentCount == 4 && data.shortDocumentCount == 1)
        #expect(data.droppedTokenCount == 2 + 3)
        for (n, (document, index, text)) in expected.enumerated() {
            #expect(
                data[n] == TokenSequence(document: document, index: index, tokens: [256] + text.utf8.map(Int32.init)))
        }
        let plain = try sequences(["abcdefgh", "xy"], length: 4, bos: .never)
        #expect(plain.count == 2 && plain[1].tokens == "efgh".utf8.map(Int32.init) && plain.droppedTokenCount == 2)
    }

    @Test func noSequenceIsAnErrorWithLengths() {
        let error = #expect(throws: LensError.self) { try sequences(["abc", "abcdefgh"], length: 10) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains("2 documents have 4 to 9 tokens") == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("at most 9 tokens") == true)
        #expect(throws: LensError.self) { try sequences([], length: 10) }
    }

    @Test func digestTellsDataApart() throws {
        let one = try sequences(["abcdefgh"], length: 4).digest
        #expect(try sequences(["abcdefgh", "xy"], length: 4).digest == one)
        #expect(try sequences(["abcdefgi"], length: 4).digest == one, "the last token is in no sequence")
        #expect(try sequences(["abcdeggh"], length: 4).digest != one)
        #expect(try sequences(["abc", "def"], length: 4).digest != one)
    }
}

@Suite struct DrawingSequences {
    @Test func inOrderWithoutShuffle() {
        var order = SequenceOrder(count: 3, seed: 1, shuffle: false)
        #expect((0..<7).map { order.draw($0) } == [0, 1, 2, 0, 1, 2, 0])
    }

    @Test func everySequenceOnceAnEpoch() {
        var order = SequenceOrder(count: 100, seed: 42, shuffle: true)
        let draws = (0..<300).map { order.draw($0) }
        for epoch in 0..<3 {
            #expect(draws[(epoch * 100)..<(epoch * 100 + 100)].sorted() == Array(0..<100))
            #expect(Array(draws[(epoch * 100)..<(epoch * 100 + 100)]) == order.epoch(epoch))
        }
        #expect(order.epoch(0) != order.epoch(1) && order.epoch(1) != order.epoch(2))
        #expect(order.epoch(0) != Array(0..<100))
        #expect(SequenceOrder(count: 100, seed: 43, shuffle: true).epoch(0) != order.epoch(0))
        #expect(SequenceOrder(count: 100, seed: 42, shuffle: true).epoch(2) == order.epoch(2))
    }

    /// The order of a seed is part of a run's meaning: a change would make a resumed run another one.
    @Test func orderNeverChangesBetweenReleases() {
        #expect(SequenceOrder(count: 8, seed: 42, shuffle: true).epoch(0) == [5, 1, 2, 4, 0, 3, 6, 7])
    }

    @Test func placesAreUniform() {
        var counts = Array(repeating: Array(repeating: 0, count: 5), count: 5)
        for seed in 0..<2000 {
            for (place, sequence) in SequenceOrder(count: 5, seed: UInt64(seed), shuffle: true).epoch(0).enumerated() {
                counts[place][sequence] += 1
            }
        }
        // 400 each, standard deviation 18.
        #expect(counts.joined().allSatisfy { abs($0 - 400) < 100 })
    }
}
