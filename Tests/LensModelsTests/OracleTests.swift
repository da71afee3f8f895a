import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// Losses, logits and every gradient of small random models against PyTorch in double precision.
    @Suite struct OracleTests {
        @Test(arguments: Fixture.families)
        func lossesAndLogits(name: String) throws {
            let fixture = try Fixture(name)
            let pass = try InferencePass(fixture.model, contextLength: fixture.expected.tokens.count)
            let losses = try pass.losses(fixture.expected.tokens)
            #expect(largestDifference(losses, fixture.expected.nll) < 2e-5)
            let logits = try pass.logits(fixture.expected.tokens, at: fixture.expected.positions)
            for (ours, theirs) in zip(logits, fixture.expected.logits) {
                #expect(largestDifference(ours, theirs) < 2e-5)
            }
        }

        @Test(arguments: Fixture.families, Retention.allCases)
        func everyGradient(name: String, retention: Retention) throws {
            let fixture = try Fixture(name)
            let (losses, gradients) = try fixture.gradients(.all(retention))
            let expected = fixture.expected
            #expect(largestDifference(losses, expected.nll) < 2e-5)
            let weighted = zip(losses, expected.weights).reduce(0.0) { $0 + Double($1.0 * $1.1) } / Double(losses.count)
            #expect(abs(weighted - expected.loss) < 1e-5)
            let oracle = try SafetensorsFile(path: fixture.folder + "/gradients.safetensors")
            for description in gradients.descriptions {
                let theirs = try oracle.floats(description.name)
                let ours = gradients[description.name].array
                let scale = theirs.map(\.magnitude).max() ?? 0
                #expect(
                    largestDifference(ours, theirs.map(Double.init)) < 3e-5 * max(Double(scale), 0.1),
                    "gradient of \(description.name)")
            }
        }

        @Test(arguments: Fixture.families)
        func recomputingChangesNoBit(name: String) throws {
            let fixture = try Fixture(name)
            let (_, kept) = try fixture.gradients(.all(.everything))
            for policy in RecomputePolicy.exact(layerCount: fixture.model.configuration.layerCount) {
                let (_, recomputed) = try fixture.gradients(policy)
                #expect(sameBits(recomputed.all, kept.all), "\(policy)")
            }
        }

        /// More tokens than the feed-forward part computes at a time.
        @Test func recomputingBlockByBlockChangesNoBit() throws {
            let model = try TrainableModel(
                randomWeightsOf: ModelConfiguration(
                    vocabularySize: 64, hiddenSize: 16, feedForwardSize: 24, layerCount: 3, headCount: 2,
                    keyValueHeadCount: 1, headDimension: 8, contextLength: 4096), seed: 5)
            let tokens = (0..<2100).map { Int32($0 * $0 % 61) }
            let weights = tokens.dropFirst().map { Float($0 % 3) }
            let all = try RecomputePolicy.exact(layerCount: 3).map { policy in
                let gradients = try ParameterStore(model.configuration)
                let pass = try TrainingPass(
                    model, gradients: gradients, contextLength: tokens.count, recompute: policy,
                    spillFile: try spillFile(model.configuration, contextLength: tokens.count, policy))
                _ = try pass.forward(tokens)
                try pass.backward(weights: weights)
                return gradients
            }
            #expect(all[0].all.array.contains { $0 != 0 })
            for other in all.dropFirst() { #expect(sameBits(other.all, all[0].all)) }
        }

        /// Tokens of weight 0 are left out of the head and the last layer.
        @Test(arguments: Fixture.families, [2, 5, 40])
        func leavingOutTokensOfWeightZeroChangesNoBit(name: String, every: Int) throws {
            let fixture = try Fixture(name)
            let weights = fixture.expected.weights.enumerated().map { $0 % every == 1 ? $1 + 1 : 0 }
            try checkLeavingOut(fixture.trainable, tokens: fixture.expected.tokens, weights: weights)
        }

        /// More tokens than are computed at a time, and sums over features in several blocks.
        @Test(arguments: [(2100, 16), (70, 1280)])
        func leavingOutTokensOfManyBlocksChangesNoBit(length: Int, hidden: Int) throws {
            let model = try TrainableModel(
                randomWeightsOf: ModelConfiguration(
                    vocabularySize: 64, hiddenSize: hidden, feedForwardSize: 24, layerCount: 2, headCount: 2,
                    keyValueHeadCount: 1, headDimension: 8, contextLength: 4096), seed: 5)
            let tokens = (0..<length).map { Int32($0 * $0 % 61) }
            // Sometimes no token of a block has a weight, sometimes all have.
            let weights = (1..<length).map { (token: Int) -> Float in
                let part = token / 300 % 3
                return Float(part == 0 ? token % 5 / 3 : part - 1)
            }
            try checkLeavingOut(model, tokens: tokens, weights: weights)
        }

        private func checkLeavingOut(_ model: TrainableModel, tokens: [Int32], weights: [Float]) throws {
            func gradients(_ policy: RecomputePolicy, leavesOut: Bool) throws -> ParameterStore {
                let gradients = try ParameterStore(model.configuration)
                let pass = try TrainingPass(
                    model, gradients: gradients, contextLength: tokens.count, recompute: policy,
                    spillFile: try spillFile(model.configuration, contextLength: tokens.count, policy))
                _ = try pass.forward(tokens)
                try pass.backward(weights: weights, leavesOut: leavesOut)
                return gradients
            }
            let dense = try gradients(.all(.everything), leavesOut: false)
            #expect(weights.contains(0) && dense.all.array.contains { $0 != 0 })
            for policy in RecomputePolicy.exact(layerCount: model.configuration.layerCount) {
                let sparse = try gradients(policy, leavesOut: true)
                for description in dense.descriptions {
                    let name = description.name
                    #expect(sameBits(sparse[name], dense[name]), "gradient of \(name), \(policy)")
                }
            }
        }

        @Test func noWeightAtAllIsNoGradient() throws {
            let fixture = try Fixture("qwen3")
            let (_, none) = try fixture.gradients(
                .all(.input), weights: fixture.expected.weights.map { _ in 0 })
            #expect(none.all.array.allSatisfy { $0 == 0 })
        }

        @Test func weightZeroIsAnAbsentToken() throws {
            let fixture = try Fixture("llama")
            let all = fixture.expected.tokens
            // The last predictions have weight 0: the sequence without them gives the same gradient.
            let kept = 30
            let weights = (0..<all.count - 1).map { $0 < kept ? Float(1) : 0 }
            let (_, masked) = try fixture.gradients(.all(.input), weights: weights)
            let (_, cut) = try fixture.gradients(
                .all(.input), tokens: Array(all.prefix(kept + 1)), weights: Array(repeating: 1, count: kept),
                scale: Float(kept) / Float(all.count - 1))
            #expect(largestDifference(masked.all.array, cut.all.array.map(Double.init)) < 1e-5)
        }

        @Test func doublingTheWeightsDoublesTheGradient() throws {
            let fixture = try Fixture("qwen3")
            let weights = fixture.expected.weights
            let (_, once) = try fixture.gradients(.all(.input), weights: weights)
            let (_, twice) = try fixture.gradients(.all(.input), weights: weights.map { $0 * 2 })
            // Doubling is exact in binary arithmetic, at every step.
            for i in 0..<once.all.count { once.all[0, i] *= 2 }
            #expect(sameBits(twice.all, once.all))
        }

        @Test(arguments: ["llama", "qwen3"])
        func anyThreadCountGivesTheSameBits(name: String) throws {
            let fixture = try Fixture(name)
            let (losses, gradients) = try fixture.gradients(.all(.input), on: try Runtime(threads: 1))
            for count in [2, 3, 5] {
                let (otherLosses, otherGradients) = try fixture.gradients(.all(.input), on: try Runtime(threads: count))
                #expect(otherLosses == losses)
                #expect(sameBits(otherGradients.all, gradients.all))
            }
        }

        @Test func aShorterSequenceFitsALongerPass() throws {
            let fixture = try Fixture("qwen2")
            let tokens = Array(fixture.expected.tokens.prefix(20))
            let gradients = try ParameterStore(fixture.model.configuration)
            let pass = try TrainingPass(
                fixture.trainable, gradients: gradients, contextLength: 48, recompute: .all(.attention))
            let losses = try pass.forward(tokens)
            #expect(largestDifference(losses, Array(fixture.expected.nll.prefix(19))) < 2e-5)
            try pass.backward(weights: Array(repeating: 1, count: 19))
            let (_, own) = try fixture.gradients(
                .all(.attention), tokens: tokens, weights: Array(repeating: 1, count: 19))
            #expect(sameBits(gradients.all, own.all))
        }

        @Test func aTokenOutsideTheVocabularyIsAnError() throws {
            let fixture = try Fixture("llama")
            let pass = try InferencePass(fixture.model, contextLength: 8)
            #expect(throws: LensError.self) { try pass.losses([1, Int32(fixture.model.configuration.vocabularySize)]) }
            #expect(throws: LensError.self) { try pass.losses([1, -1]) }
        }

        @Test(arguments: RecomputePolicy.exact(layerCount: 2))
        func planIsWhatIsAllocated(policy: RecomputePolicy) throws {
            let fixture = try Fixture("qwen3")
            let before = AlignedBuffer.allocationCount
            let (_, _) = try fixture.gradients(policy)
            // Gradients and one arena; kernel scratch may have grown.
            #expect(AlignedBuffer.allocationCount - before >= 2)
            let plan = TrainingPass.plan(fixture.model.configuration, contextLength: 48, recompute: policy)
            #expect(plan.byteCount > 0)
            #expect(plan.byteCount == plan.buffers.reduce(0) { $0 + $1.byteCount })
        }
    }
}
