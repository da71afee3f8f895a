import Foundation
import LensModels
import Testing

extension ModelTests {
    /// Every method of context extension against transformers: frequencies and losses of the same small model.
    @Suite struct RotaryFrequenciesTests {
        static let names = [
            "theta", "linear", "dynamic", "yarn", "yarn-untruncated", "yarn-betas", "yarn-mscale",
            "yarn-attention-factor",
            "llama3", "longrope", "longrope-short",
        ]

        @Test(arguments: names)
        func frequenciesAndLosses(name: String) throws {
            let folder = Fixture.path("llama")
            let variants = try JSONSerialization.jsonObject(
                with: Data(contentsOf: URL(filePath: folder + "/rope_variants.json")))
            let variant = try #require((variants as? [String: [String: Any]])?[name])
            let fixture = try Fixture("llama")
            let changed = try folderWith(variant, copiedFrom: folder)
            defer { try? FileManager.default.removeItem(atPath: changed) }
            let model = try Pretrained.load(path: changed).model
            let tokens = fixture.expected.tokens

            let frequencies = RotaryFrequencies(model.configuration, length: tokens.count)
            let expected = try #require(variant["inv_freq"] as? [Double])
            #expect(frequencies.inverse.count == expected.count)
            for (ours, theirs) in zip(frequencies.inverse, expected) { #expect(abs(ours / theirs - 1) < 1e-6) }
            let factor = try #require(variant["attention_factor"] as? Double)
            #expect(abs(frequencies.attentionFactor - factor) < 1e-9)

            let losses = try InferencePass(model, contextLength: tokens.count).losses(tokens)
            #expect(largestDifference(losses, try #require(variant["nll"] as? [Double])) < 3e-5)
        }

        /// The model under a configuration with the variant's rotary parameters.
        private func folderWith(_ variant: [String: Any], copiedFrom folder: String) throws -> String {
            let manager = FileManager.default
            let target = manager.temporaryDirectory.appending(path: "longlens-\(UUID().uuidString)").path()
            try manager.createDirectory(atPath: target, withIntermediateDirectories: true)
            try manager.copyItem(atPath: folder + "/model.safetensors", toPath: target + "/model.safetensors")
            let data = try Data(contentsOf: URL(filePath: folder + "/config.json"))
            var configuration = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            configuration["rope_theta"] = nil
            configuration["rope_scaling"] = nil
            configuration["rope_parameters"] = variant["rope_parameters"]
            configuration["max_position_embeddings"] = variant["max_position_embeddings"]
            try JSONSerialization.data(withJSONObject: configuration).write(to: URL(filePath: target + "/config.json"))
            return target
        }
    }
}
