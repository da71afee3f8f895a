import LongLens

extension Target {
    /// A score file of either format; see `Header` for the sizes of safetensors.
    static let scores = Target(
        name: "scores",
        seeds: { try [[0] + Samples.scores(.safetensors), Samples.scores(.jsonl)] },
        run: { input, scratch in
            // A JSON line and a header both begin with a brace: a leading line feed tells the line.
            let isHeader = input.first == 0 || input.first == 1
            let path = scratch.write(
                "scores",
                input.first == 1 ? Header.sized(input.dropFirst()) : isHeader ? Array(input.dropFirst()) : input)
            try attempt {
                let reader = try ScoreFormat.reader(path)
                while try reader.next() != nil {}
            }
            let scores = try ScoreFile(path: path)
            for tokens in Samples.records.map(\.tokens) {
                try attempt { _ = try scores.losses(for: TokenSequence(document: "a", index: 0, tokens: tokens)) }
            }
        })

    /// The same bytes as JSON lines, as plain text and as what their content tells (compressed too), cut into sequences.
    static let documents = Target(
        name: "documents",
        run: { input, scratch in
            for name in ["d.jsonl", "d.txt", "d"] {
                let path = scratch.write(name, input)
                try attempt {
                    let reader = try DocumentReader(paths: [path])
                    while try reader.next() != nil {}
                }
                try attempt {
                    let encoder = try DocumentEncoder(Bytes())
                    let sequences = try TrainingSequences(
                        DocumentReader(paths: [path]), encoder: encoder, length: 4)
                    for n in 0..<sequences.count { precondition(sequences[n].tokens.count == 4) }
                }
            }
        })

    /// Each byte is a token.
    private struct Bytes: TextEncoding {
        let vocabularySize = 1000
        let bosToken: Int32? = 256
        let eosToken: Int32? = nil
        func encode(_ text: [UInt8], addBOS: Bool?, addEOS: Bool?, parseSpecial: Bool) throws(LensError) -> [Int32] {
            (addBOS ?? true ? [256] : []) + text.map(Int32.init)
        }
        func specialTexts(in text: [UInt8]) throws(LensError) -> [Int32: Int] { [:] }
        func bytes(of token: Int32) -> [UInt8]? { UInt8(exactly: token).map { [$0] } }
    }
}
