import Foundation
import LensModels
import LensTestSupport
import LensTokenizers
import Testing

extension ModelTests {
    /// Losses of real trained models against PyTorch. The models are not part of the repository.
    @Suite struct RealModelTests {
        struct Reference: Decodable {
            let text: String
            let tokens: [Int32]
            let nll: [Double]
        }

        static let storiesPath = SharedFiles.path("models/stories260K/stories260K.bin")
        static let smollm2Path = SharedFiles.cached("SmolLM2-135M-Instruct.Q4_1.gguf")

        private func reference(_ name: String) throws -> Reference {
            try JSONDecoder().decode(
                Reference.self, from: Data(contentsOf: URL(filePath: Fixture.path("\(name).json"))))
        }

        @Test(.enabled(if: storiesPath != nil, "needs stories260K.bin"))
        func stories260K() throws {
            let reference = try reference("stories260k")
            let path = try #require(Self.storiesPath)
            let tokenizer = try #require(SharedFiles.path("models/stories260K/tok512.bin"))
            let pretrained = try Pretrained.load(path: path, tokenizerPath: tokenizer)
            let losses = try InferencePass(pretrained.model, contextLength: 512).losses(reference.tokens)
            #expect(largestDifference(losses, reference.nll) < 1e-4)
            let ids = try #require(pretrained.tokenizer).encode(Array(reference.text.utf8))
            #expect(Array(ids.prefix(reference.tokens.count)) == reference.tokens)
        }

        @Test(.enabled(if: smollm2Path != nil, "needs the SmolLM2 GGUF"))
        func smollm2() throws {
            let reference = try reference("smollm2")
            let pretrained = try Pretrained.load(path: try #require(Self.smollm2Path))
            let losses = try InferencePass(pretrained.model, contextLength: 512).losses(reference.tokens)
            #expect(largestDifference(losses, reference.nll) < 1e-3)
            let ids = try #require(pretrained.tokenizer).encode(Array(reference.text.utf8))
            #expect(Array(ids.prefix(reference.tokens.count)) == reference.tokens)
        }
    }
}
