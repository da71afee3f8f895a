import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import LensTokenizers
import Testing

extension ModelTests {
    /// Where the inputs of layers are, and what they are kept in.
    @Suite struct RecomputeTests {
        private static let layerCount = 7

        /// - Parameter norms: norms of each head, as Qwen3 has them.
        private static func configuration(norms: Bool = false, layerCount: Int = layerCount) -> ModelConfiguration {
            var configuration = ModelConfiguration(
                vocabularySize: 64, hiddenSize: 20, feedForwardSize: 36, layerCount: layerCount, headCount: 4,
                keyValueHeadCount: 2, headDimension: 6, contextLength: 512)
            configuration.queryKeyNorm = norms
            return configuration
        }

        private static func tokens(_ count: Int) -> [Int32] { (0..<count).map { Int32($0 * $0 % 61) } }

        /// What a pass gives of sequences of several lengths, one after the other.
        private struct Result {
            var losses: [[Float]] = []
            /// After each of them.
            var gradients: [[Float]] = []

            func isSame(as other: Result) -> Bool {
                losses == other.losses
                    && gradients.map { $0.map(\.bitPattern) } == other.gradients.map { $0.map(\.bitPattern) }
            }
        }

        private func run(
            _ model: TrainableModel, _ policy: RecomputePolicy, lengths: [Int] = [90, 41, 2, 90], sparse: Bool = true,
            on runtime: Runtime = .shared
        ) throws -> Result {
            var result = Result()
            let gradients = try ParameterStore(model.configuration)
            let pass = try TrainingPass(
                model, gradients: gradients, contextLength: 90, recompute: policy,
                spillFile: try spillFile(model.configuration, contextLength: 90, policy), on: runtime)
            for length in lengths {
                result.losses.append(try pass.forward(Self.tokens(length)))
                try pass.backward(weights: (1..<length).map { sparse && $0 % 3 != 1 ? 0 : Float($0 % 5) })
                result.gradients.append(gradients.all.array)
            }
            return result
        }

        /// Sequences shorter than the context between whole ones, tokens left out, with and without norms of heads.
        @Test(arguments: [false, true], [false, true])
        func everyPolicyGivesTheSameBits(norms: Bool, sparse: Bool) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(norms: norms), seed: 4)
            let expected = try run(model, .all(.everything), sparse: sparse)
            #expect(expected.gradients[0].contains { $0 != 0 })
            for policy in RecomputePolicy.exact(layerCount: Self.layerCount) {
                #expect(try run(model, policy, sparse: sparse).isSame(as: expected), "\(policy)")
            }
        }

        /// Layers whose attention is kept have it in another place than the gradient of their queries.
        @Test(arguments: InstructionSet.supported) func everyInstructionSet(set: InstructionSet) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(norms: true), seed: 4)
            let runtime = try Runtime(threads: 3, instructionSet: set)
            let expected = try run(model, .all(.attention), on: runtime)
            for policy in RecomputePolicy.exact(layerCount: Self.layerCount)
            where policy == .all(.input) || policy.spills {
                #expect(try run(model, policy, on: runtime).isSame(as: expected), "\(policy)")
            }
        }

        @Test(arguments: 1...6) func everyCountOfLayers(count: Int) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(layerCount: count), seed: 4)
            let expected = try run(model, .all(.everything))
            for policy in RecomputePolicy.exact(layerCount: count) {
                #expect(try run(model, policy).isSame(as: expected), "\(policy)")
            }
        }

        /// More bytes than a disk is given at a time, and rows than are rounded at a time.
        @Test func longSequencesGiveTheSameBits() throws {
            let length = 9000
            let model = try TrainableModel(
                randomWeightsOf: ModelConfiguration(
                    vocabularySize: 64, hiddenSize: 264, feedForwardSize: 16, layerCount: 4, headCount: 1,
                    keyValueHeadCount: 1, headDimension: 8, contextLength: length), seed: 6)
            func gradients(_ policy: RecomputePolicy) throws -> Matrix {
                let gradients = try ParameterStore(model.configuration)
                let pass = try TrainingPass(
                    model, gradients: gradients, contextLength: length, recompute: policy,
                    spillFile: try spillFile(model.configuration, contextLength: length, policy))
                _ = try pass.forward(Self.tokens(length))
                try pass.backward(weights: (1..<length).map { Float($0 % 3) })
                return gradients.all
            }
            for type in LayerInputType.allCases {
                let policies = RecomputePolicy.leanestFirst(layerCount: 4, spills: true, inputType: type)
                let inMemory = RecomputePolicy.leanestFirst(layerCount: 4, inputType: type)
                let expected = try gradients(inMemory[0])
                #expect(sameBits(try gradients(policies[0]), expected), "\(policies[0]), \(inMemory[0])")
            }
        }

        /// Rounded inputs: the same losses, the same bits under every policy, gradients near the exact ones.
        @Test(arguments: [false, true]) func roundedInputs(norms: Bool) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(norms: norms), seed: 4)
            let exact = try run(model, .all(.everything), lengths: [90, 41])
            let policies =
                RecomputePolicy.leanestFirst(layerCount: Self.layerCount, inputType: .bf16)
                + RecomputePolicy.leanestFirst(layerCount: Self.layerCount, spills: true, inputType: .bf16)
            #expect(policies.contains { $0.spills } && policies.contains { !$0.spills })
            let rounded = try run(model, policies[0], lengths: [90, 41])
            #expect(rounded.losses == exact.losses)
            for policy in policies {
                #expect(try run(model, policy, lengths: [90, 41]).isSame(as: rounded), "\(policy)")
            }
            let (a, b) = (rounded.gradients[1], exact.gradients[1])
            let difference = zip(a, b).reduce(0) { $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1) }.squareRoot()
            let norm = b.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            // An element of bf16 has 8 bits.
            #expect(difference > 0 && difference < norm / 64, "\(difference / norm)")
        }

        /// What rounded inputs do to the gradient of a trained model: its length and direction.
        @Test(.enabled(if: RealModelTests.smollm2Path != nil, "needs the SmolLM2 GGUF"))
        func roundedInputsOfATrainedModel() throws {
            let path = try #require(RealModelTests.smollm2Path)
            let pretrained = try Pretrained.load(path: path)
            let model = try TrainableModel(copying: pretrained.model)
            let text = try String(contentsOfFile: #filePath, encoding: .utf8)
            let tokens = Array(try #require(pretrained.tokenizer).encode(Array(text.utf8)).prefix(512))
            let gradients = try [LayerInputType.f32, .bf16].map { type in
                let gradients = try ParameterStore(model.configuration)
                let policy = try #require(
                    RecomputePolicy.leanestFirst(
                        layerCount: model.configuration.layerCount, spills: true, inputType: type
                    ).first)
                let pass = try TrainingPass(
                    model, gradients: gradients, contextLength: tokens.count, recompute: policy,
                    spillFile: try spillFile(model.configuration, contextLength: tokens.count, policy))
                _ = try pass.forward(tokens)
                try pass.backward(weights: Array(repeating: 1, count: tokens.count - 1))
                return gradients.all
            }
            var (difference, exact, rounded, product) = (0.0, 0.0, 0.0, 0.0)
            for index in 0..<gradients[0].count {
                let (x, y) = (Double(gradients[0][0, index]), Double(gradients[1][0, index]))
                difference += (x - y) * (x - y)
                exact += x * x
                rounded += y * y
                product += x * y
            }
            let relative = (difference / exact).squareRoot(), cosine = product / (exact * rounded).squareRoot()
            #expect(relative > 0 && relative < 0.02, "relative difference \(relative), cosine \(cosine)")
            print("gradient of rounded inputs: relative difference \(relative), cosine \(cosine)")
        }

        @Test(arguments: [(false, LayerInputType.f32), (true, .f32), (false, .bf16), (true, .bf16)])
        func aStepAllocatesNothing(spills: Bool, type: LayerInputType) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(), seed: 4)
            let gradients = try ParameterStore(model.configuration)
            for policy in RecomputePolicy.leanestFirst(layerCount: Self.layerCount, spills: spills, inputType: type) {
                let pass = try TrainingPass(
                    model, gradients: gradients, contextLength: 48, recompute: policy,
                    spillFile: try spillFile(model.configuration, contextLength: 48, policy))
                func step() throws {
                    _ = try pass.forward(Self.tokens(48))
                    try pass.backward(weights: (1..<48).map { Float($0 % 2) })
                }
                try step()
                let before = AlignedBuffer.allocationCount
                for _ in 0..<3 { try step() }
                #expect(AlignedBuffer.allocationCount == before, "\(policy)")
            }
        }

        @Test func policiesAreFromTheLeanestToTheFastest() throws {
            for layerCount in 1...40 {
                let configuration = Self.configuration(layerCount: layerCount)
                for (spills, type) in [(false, LayerInputType.f32), (true, .f32), (false, .bf16), (true, .bf16)] {
                    let policies = RecomputePolicy.leanestFirst(
                        layerCount: layerCount, spills: spills, inputType: type)
                    for length in [2, 100, 10_000] {
                        let sizes = policies.map {
                            TrainingPass.plan(configuration, contextLength: length, recompute: $0).byteCount
                        }
                        #expect(zip(sizes, sizes.dropFirst()).allSatisfy { $0 <= $1 }, "\(layerCount), \(policies)")
                    }
                }
            }
            let names = RecomputePolicy.leanestFirst(layerCount: 30).map(\.description)
            #expect(
                names.prefix(4) == [
                    "the input of every 4th layer", "the input of every 3rd layer", "the input of every 2nd layer",
                    "input",
                ])
            #expect(
                RecomputePolicy.leanestFirst(layerCount: 30, spills: true)[0].description
                    == "input; layer inputs on disk")
        }

        @Test func aPolicyThatSpillsNeedsItsFile() throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(), seed: 4)
            let gradients = try ParameterStore(model.configuration)
            let policy = RecomputePolicy.leanestFirst(layerCount: Self.layerCount, spills: true)[0]
            let none = #expect(throws: LensError.self) {
                try TrainingPass(model, gradients: gradients, contextLength: 90, recompute: policy)
            }
            #expect(none?.kind == .usage && none?.message.contains("spill file of") == true)
            let small = try spillFile(model.configuration, contextLength: 20, policy)
            #expect(throws: LensError.self) {
                try TrainingPass(model, gradients: gradients, contextLength: 90, recompute: policy, spillFile: small)
            }
        }

        /// A file that cannot be read in the middle of a backward: the gradients of the sequence are whole, and the next
        /// forward says what happened.
        @Test(arguments: LayerInputType.allCases)
        func aFileThatCannotBeReadCostsNothing(type: LayerInputType) throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration(), seed: 4)
            let policy = RecomputePolicy.leanestFirst(layerCount: Self.layerCount, spills: true, inputType: type)[0]
            let expected = try run(model, policy, lengths: [90])
            let gradients = try ParameterStore(model.configuration)
            let file = try #require(try spillFile(model.configuration, contextLength: 90, policy))
            let pass = try TrainingPass(
                model, gradients: gradients, contextLength: 90, recompute: policy, spillFile: file)
            let losses = try pass.forward(Self.tokens(90))
            #expect(ftruncate(file.descriptor, 0) == 0)
            try pass.backward(weights: (1..<90).map { $0 % 3 != 1 ? 0 : Float($0 % 5) })
            #expect(losses == expected.losses[0] && gradients.all.array == expected.gradients[0])
            let error = #expect(throws: LensError.self) { try pass.forward(Self.tokens(90)) }
            #expect(error?.kind == .io && error?.message.contains("spill folder") == true)
            #expect(gradients.all.array == expected.gradients[0])
        }
    }
}
