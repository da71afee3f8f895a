import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import Testing

extension ModelTests {
    /// Packed documents and given positions, against PyTorch with every mask and position written out, and against the
    /// documents alone.
    @Suite struct PackingTests {
        struct Expected: Decodable {
            let lengths: [Int]
            let positions: [Int32]
            let weights: [Float]
            let nll: [Double]
            let gradients: [String: [Double]]
        }

        @Test(arguments: ["qwen2", "mistral", "qwen3-windows"], ["restart", "run-on", "skipping"])
        func lossesAndGradients(name: String, way: String) throws {
            let fixture = try Fixture(name)
            let file = try Data(contentsOf: URL(filePath: fixture.folder + "/packed.json"))
            let expected = try #require(try JSONDecoder().decode([String: Expected].self, from: file)[way])
            let layout = SequenceLayout(
                lengths: expected.lengths, positions: way == "restart" ? nil : expected.positions,
                reach: way == "restart" ? nil : 48)
            for policy in [RecomputePolicy.all(.input), .all(.projections), .fastest] {
                let (losses, gradients) = try packed(
                    fixture, fixture.expected.tokens, layout, weights: expected.weights, policy)
                #expect(largestDifference(losses, expected.nll) < 2e-5, "\(policy)")
                for (parameter, values) in expected.gradients {
                    let own = gradients[parameter].array
                    let part = stride(from: 0, to: own.count, by: 7).map { own[$0] }
                    #expect(largestDifference(part, values) < 2e-5, "gradient of \(parameter), \(policy)")
                }
            }
        }

        /// Losses to the bit; gradients are the same sums in another order.
        @Test(arguments: Fixture.families)
        func likeTheDocumentsAlone(name: String) throws {
            let fixture = try Fixture(name)
            let lengths = [20, 2, 19, 7], tokens = fixture.expected.tokens
            let weights = (0..<47).map { Float($0 % 4) }
            let (losses, gradients) = try packed(
                fixture, tokens, SequenceLayout(lengths: lengths), weights: weights, .all(.attention))
            let sum = try ParameterStore(fixture.model.configuration)
            var start = 0, alone: [[Float]] = []
            for length in lengths {
                let range = start..<start + length
                let (own, part) = try fixture.gradients(
                    .all(.input), tokens: Array(tokens[range]), weights: Array(weights[start..<start + length - 1]),
                    scale: Float(length - 1) / 44)
                alone.append(own)
                for i in 0..<sum.all.count { sum.all[0, i] += part.all[0, i] }
                start += length
            }
            #expect(losses == Array(alone.joined(separator: [0])))
            #expect(largestDifference(gradients.all.array, sum.all.array.map(Double.init)) < 1e-5)
            #expect(sum.all.array.contains { abs($0) > 1e-3 })
        }

        /// Frequencies that depend on the length are those of each document.
        @Test func dynamicScalingOfEachDocument() throws {
            let fixture = try Fixture("llama")
            var configuration = fixture.model.configuration
            configuration.ropeScaling = .dynamic(factor: 2)
            configuration.contextLength = 12
            let model = try TrainableModel(randomWeightsOf: configuration, seed: 4)
            let tokens = fixture.expected.tokens
            func losses(_ tokens: [Int32], _ lengths: [Int]) throws -> [Float] {
                let pass = try TrainingPass(
                    model, gradients: ParameterStore(configuration), contextLength: 48, recompute: .all(.input))
                return try pass.forward(tokens, layout: SequenceLayout(lengths: lengths))
            }
            let together = try losses(tokens, [30, 18])
            #expect(together == (try losses(Array(tokens[..<30]), [30]) + [0] + losses(Array(tokens[30...]), [18])))
        }

        @Test func anyThreadCountAndWeightsLeftOutGiveTheSameBits() throws {
            let fixture = try Fixture("qwen3-windows")
            let layout = SequenceLayout(lengths: [30, 18])
            let weights = (0..<47).map { Float($0 % 3) }
            let (losses, gradients) = try packed(fixture, fixture.expected.tokens, layout, weights: weights, .fastest)
            for threads in [1, 2, 3] {
                let runtime = try Runtime(threads: threads)
                for leavesOut in [true, false] {
                    let other = try packed(
                        fixture, fixture.expected.tokens, layout, weights: weights, .all(.input), leavesOut: leavesOut,
                        on: runtime)
                    #expect(other.losses == losses)
                    #expect(sameBits(other.gradients.all, gradients.all))
                }
            }
        }

        private func packed(
            _ fixture: Fixture, _ tokens: [Int32], _ layout: SequenceLayout, weights: [Float],
            _ policy: RecomputePolicy,
            leavesOut: Bool = true, on runtime: Runtime = .shared
        ) throws -> (losses: [Float], gradients: ParameterStore) {
            let gradients = try ParameterStore(fixture.model.configuration)
            let pass = try TrainingPass(
                fixture.trainable, gradients: gradients, contextLength: tokens.count, recompute: policy, on: runtime)
            // What another layout left behind must not matter.
            _ = try pass.forward(tokens)
            let losses = try pass.forward(tokens, layout: layout)
            try pass.backward(weights: weights, leavesOut: leavesOut)
            return (losses, gradients)
        }
    }
}
