import LongLens

extension Target {
    /// `tokenizer.json`, `tokenizer_config.json` and a text, with a zero byte between.
    static let tokenizer = Target(
        name: "tokenizer",
        run: { input, scratch in
            let files = parts(input, 3)
            let tokenizer = try Tokenizer(
                .huggingFace(
                    tokenizer: Array(files[0]), configuration: files[1].isEmpty ? nil : Array(files[1]), path: "t.json")
            )
            try use(tokenizer, Array(files[2]))
        })

    /// A text and, after a zero byte, the file of a tokenizer: a SentencePiece model, or what else its content tells.
    static let sentencePiece = Target(
        name: "sentencepiece",
        seeds: {
            [true, false].map { Array("ab  a".utf8) + [0] + Samples.sentencePiece(marksSpaces: $0) }
                + [try [0] + Samples.gguf(.llama, type: .f32, Samples.pieceTokenizer)]
        },
        run: { input, scratch in
            let files = parts(input, 2)
            scratch.makeFolder("tokenizer")
            let path = scratch.write("tokenizer/tokenizer.model", files[1])
            try attempt { _ = try WeightlessModel(path: path) }
            // Named by its folder, it is taken for what its name says.
            try attempt {
                if let source = try openTokenizer(path: scratch.path + "/tokenizer") {
                    try use(Tokenizer(source), Array(files[0]))
                }
            }
            if let source = try openTokenizer(path: path) { try use(Tokenizer(source), Array(files[0])) }
        })

    /// A llama2.c tokenizer, after one byte that is the size of its vocabulary.
    static let llama2cTokenizer = Target(
        name: "llama2c-tokenizer",
        seeds: { [[8] + Samples.llama2cTokenizer()] },
        run: { input, scratch in
            guard let size = input.first else { return }
            try use(
                Tokenizer(.llama2c(bytes: Array(input.dropFirst()), vocabularySize: Int(size), path: "tok.bin")))
        })
}

private let sampleText =
    Array("a b  ab\n\nAb's 12345 <s>x</s>\u{E9}e\u{301}\u{1F600} \u{2581}ab".utf8) + [0, 0xFF, 0xC3]

/// Encodes and decodes, and writes the tokenizer in both formats.
func use(_ tokenizer: Tokenizer, _ text: [UInt8] = []) throws {
    for text in [sampleText, text] {
        for special in [false, true] {
            try attempt {
                let tokens = try tokenizer.encode(text, parseSpecial: special)
                for token in tokens {
                    precondition(tokenizer.bytes(of: token) != nil, "\(token) is no token")
                }
                _ = try tokenizer.decode(tokens, includingSpecial: special)
            }
        }
    }
    let metadata = tokenizer.ggufMetadata()
    try attempt { _ = try Tokenizer(.gguf(metadata: metadata, path: "again.gguf")).encode(text) }
    try attempt { _ = try tokenizer.huggingFaceFiles() }
}
