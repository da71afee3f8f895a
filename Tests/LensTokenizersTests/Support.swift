import Foundation
import LensFormats
import LensSupport
import LensTokenizers

/// The committed fixtures, made by `Fixtures/make_fixtures.py`.
enum Fixture {
    static func url(_ name: String) -> URL {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures").appendingPathComponent(name)
    }

    static func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }

    struct Samples: Decodable {
        var plain: [String]
        var special: [String]
        var added: [String]
    }

    struct Expected: Decodable {
        var plain: [[Int32]]
        var special: [[Int32]]?
        var with_bos: [Int32]?
    }

    struct CorpusIDs: Decodable {
        var files: Int
        var ids: Int
        var hash: String
    }

    static func samples() throws -> Samples {
        try JSONDecoder().decode(Samples.self, from: Data(contentsOf: url("samples.json")))
    }

    static func expected() throws -> [String: Expected] {
        try JSONDecoder().decode([String: Expected].self, from: Data(contentsOf: url("expected.json")))
    }

    static func corpusIDs() throws -> [String: [String: CorpusIDs]] {
        try JSONDecoder().decode([String: [String: CorpusIDs]].self, from: Data(contentsOf: url("corpus.json")))
    }

    /// The tokenizer of `NAME.json`, or of tok512.bin for "llama2c".
    static func source(_ name: String) throws -> TokenizerSource {
        name == "llama2c"
            ? .llama2c(bytes: try bytes("tok512.bin"), vocabularySize: 512, path: "tok512.bin")
            : .huggingFace(tokenizer: try bytes("\(name).json"), configuration: nil, path: "\(name).json")
    }

    static func tokenizer(_ name: String) throws -> Tokenizer { try Tokenizer(source(name)) }

    /// The tokenizer written as GGUF metadata and read again.
    static func throughGGUF(_ name: String) throws -> Tokenizer {
        try Tokenizer(.gguf(metadata: tokenizer(name).ggufMetadata(), path: "\(name).gguf"))
    }

    static func fromFiles(_ tokenizer: Tokenizer, _ name: String) throws -> Tokenizer {
        let files = try tokenizer.huggingFaceFiles()
        return try Tokenizer(.huggingFace(tokenizer: files[0].bytes, configuration: files[1].bytes, path: name))
    }

    /// FNV-1a of the ids by 32-bit words, as in make_fixtures.py.
    static func hash(_ ids: some Sequence<Int32>) -> String {
        var state: UInt64 = 0xCBF2_9CE4_8422_2325
        for id in ids { state = (state ^ UInt64(UInt32(bitPattern: id))) &* 0x100_0000_01B3 }
        let digits = String(state, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
