import LensFormats
import LensKernels
import LensModels
import LensSupport
import Testing

extension ModelTests {
    /// What a caller does wrong is an error, and what callers do at the same time changes no bit.
    @Suite struct RuntimeTests {
        private static let configuration = ModelConfiguration(
            vocabularySize: 64, hiddenSize: 48, feedForwardSize: 96, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
            headDimension: 12, contextLength: 512)
        private static let tokens = (0..<300).map { Int32($0 * $0 % 61) }

        private func losses(_ model: LanguageModel, on runtime: Runtime) throws -> [Float] {
            try InferencePass(model, contextLength: 300, on: runtime).losses(Self.tokens)
        }

        private func gradients(on runtime: Runtime) throws -> [Float] {
            let model = try TrainableModel(randomWeightsOf: Self.configuration, seed: 3)
            let gradients = try ParameterStore(Self.configuration)
            let pass = try TrainingPass(
                model, gradients: gradients, contextLength: 300, recompute: .all(.input), on: runtime)
            _ = try pass.forward(Self.tokens)
            try pass.backward(weights: (1..<300).map { Float($0 % 3) })
            return gradients.all.array
        }

        /// One model, a runtime for each task: threads and instruction sets of all kinds at once.
        @Test func passesOfSeveralRuntimesRunAtOnceToTheSameBits() async throws {
            let model = try LanguageModel(randomWeightsOf: Self.configuration, seed: 3)
            let carriers: [ThreadCarrier] = [.openMP, .pool]
            let sets = InstructionSet.supported
            let expected = try sets.map { set in
                let alone = try Runtime(threads: 1, instructionSet: set)
                return (losses: try losses(model, on: alone), gradients: try gradients(on: alone))
            }
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for (index, set) in sets.enumerated() {
                    for carrier in carriers {
                        let expected = expected[index]
                        group.addTask {
                            let runtime = try Runtime(threads: 2 + index, instructionSet: set, carrier: carrier)
                            for _ in 0..<3 {
                                guard try losses(model, on: runtime) == expected.losses else { return false }
                                guard try gradients(on: runtime) == expected.gradients else { return false }
                            }
                            return true
                        }
                    }
                }
                for try await same in group { #expect(same) }
            }
        }

        @Test func passesThatShareARuntimeTakeTurns() async throws {
            let model = try LanguageModel(randomWeightsOf: Self.configuration, seed: 3)
            let runtime = try Runtime(threads: 3)
            let expected = try losses(model, on: runtime)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 { group.addTask { try losses(model, on: runtime) == expected } }
                for try await same in group { #expect(same) }
            }
        }

        @Test func moreTokensThanThePassHoldsAreAnError() throws {
            let model = try LanguageModel(randomWeightsOf: Self.configuration, seed: 3)
            let pass = try InferencePass(model, contextLength: 64)
            let tokens = (0..<500).map { Int32($0 % 61) }
            let error = #expect(throws: LensError.self) { try pass.losses(tokens) }
            #expect(error?.kind == .usage && error?.message.contains("500") == true)
            #expect(throws: LensError.self) { try pass.logits(Array(tokens.prefix(8)), at: [8]) }
            #expect(throws: LensError.self) { try pass.logits(Array(tokens.prefix(8)), at: [-1]) }
            #expect(try pass.losses(Array(tokens.prefix(64))).count == 63, "the pass works on")
            #expect(try pass.losses([]).isEmpty && pass.losses([1]).isEmpty)
        }

        @Test func aTrainingPassRefusesWhatItCannotTake() throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration, seed: 3)
            let gradients = try ParameterStore(Self.configuration)
            let pass = try TrainingPass(model, gradients: gradients, contextLength: 64, recompute: .all(.input))
            #expect(throws: LensError.self) { try pass.backward(weights: []) }
            #expect(throws: LensError.self) { try pass.forward([1]) }
            #expect(throws: LensError.self) { try pass.forward(Self.tokens) }
            #expect(throws: LensError.self) { try pass.forward([1, 64]) }
            _ = try pass.forward([1, 2, 3])
            #expect(throws: LensError.self) { try pass.backward(weights: [1]) }
            #expect(gradients.all.array.allSatisfy { $0 == 0 })
            try pass.backward(weights: [1, 1])
            #expect(gradients.all.array.contains { $0 != 0 })
        }

        @Test func contextsOfNoTokensAreErrors() throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration, seed: 3)
            #expect(throws: LensError.self) { try InferencePass(model, contextLength: 0) }
            #expect(throws: LensError.self) { try InferencePass(model, contextLength: -1) }
            #expect(throws: LensError.self) {
                try TrainingPass(
                    model, gradients: ParameterStore(Self.configuration), contextLength: 1, recompute: .fastest)
            }
        }

        /// A pass keeps what it computes with.
        @Test func aPassOutlivesTheCallersModelAndRuntime() throws {
            func makePass() throws -> (InferencePass, [Float]) {
                let model = try LanguageModel(randomWeightsOf: Self.configuration, seed: 3)
                let pass = try InferencePass(model, contextLength: 300, on: try Runtime(threads: 2))
                return (pass, try pass.losses(Self.tokens))
            }
            let (pass, expected) = try makePass()
            #expect(try pass.losses(Self.tokens) == expected)
        }

        @Test func aFrozenModelHasTheWeightsAndTrainsNoMore() throws {
            let model = try TrainableModel(randomWeightsOf: Self.configuration, seed: 3)
            try model.requireTrainable()
            let frozen = model.freeze()
            #expect(frozen.fingerprint == model.fingerprint && model.isFrozen)
            #expect(throws: LensError.self) { try model.requireTrainable() }
            let copy = try TrainableModel(copying: frozen)
            try copy.requireTrainable()
            copy.parameters.all[0, 0] += 1
            #expect(copy.fingerprint != frozen.fingerprint)
        }
    }
}
