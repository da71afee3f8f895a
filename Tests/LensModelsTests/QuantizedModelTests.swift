import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// Models that compute with the blocks of their file, against the same weights made fp32.
    @Suite struct QuantizedModelTests: StoredModelTests {
        private static let types = TensorType.allCases.filter { $0.products == .int8 }

        @Test func theTypesOfTheFieldHaveIntegerProducts() {
            let expected: Set<TensorType> = [
                .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_NL, .iq4_XS,
            ]
            #expect(Set(Self.types).isSuperset(of: expected))
            #expect(TensorType.f32.products == nil && TensorType.mxfp4.products == nil)
            #expect(TensorType.f16.products == .bf16 && TensorType.bf16.products == .bf16)
        }

        @Test(arguments: types, [true, false])
        func lossesAreThoseOfTheSameWeightsInFp32(_ type: TensorType, tied: Bool) throws {
            let source = try RandomBlocks(type, tied: tied)
            let quantized = try model(source, .auto)
            #expect(quantized.compute == .int8)
            let (ours, exact) = try (losses(quantized), losses(model(source, .f32)))
            let differences = differences(ours, exact)
            #expect(abs(mean(ours) - mean(exact)) < 0.01)
            // Both sides of each product are rounded to 8 bits, whatever the type.
            #expect(differences.reduce(0, +) / Double(differences.count) < 0.04, "\(type.name)")
            #expect(differences.max() ?? 1 < 0.2, "\(type.name)")
            #expect(differences.contains { $0 > 0 }, "these are two computations")
        }

        @Test(arguments: [TensorType.q8_0, .q4_1, .q4_K, .q6_K])
        func threadsAndPackingChangeNoBit(_ type: TensorType) throws {
            let source = try RandomBlocks(type, tied: false)
            for length in [1, 2, 33, 97] {
                let tokens = Array(Self.tokens.prefix(length))
                let expected = try losses(model(source, .int8), tokens, on: Runtime(threads: 1))
                #expect(expected.count == length - 1)
                for threads in [1, 2, 3] {
                    let runtime = try Runtime(threads: threads)
                    for lowMemory in [false, true] {
                        let model = try model(source, .int8, lowMemory: lowMemory, on: runtime)
                        #expect(try losses(model, tokens, on: runtime) == expected, "\(threads), \(lowMemory)")
                    }
                }
            }
        }

        @Test func aPassGivesTheSameLossesFromAnyRowAndAsLogits() throws {
            let model = try model(RandomBlocks(.q5_0), .int8)
            let pass = try InferencePass(model, contextLength: Self.tokens.count)
            let all = try pass.losses(Self.tokens)
            #expect(try pass.losses(Self.tokens, from: 60) == Array(all[60...]))
            #expect(try pass.losses(Array(Self.tokens.prefix(40))) == Array(all[..<39]), "a shorter sequence")
            let positions = [0, 50, 95]
            for (position, logits) in zip(positions, try pass.logits(Self.tokens, at: positions)) {
                let sum = logits.reduce(0.0) { $0 + exp(Double($1)) }
                let loss = log(sum) - Double(logits[Int(Self.tokens[position + 1])])
                #expect(abs(loss - Double(all[position])) < 1e-4)
            }
        }

        /// The kernels' scratch and the buffers are those of the plan, and a layout says what it keeps.
        @Test func whatAPassTakesIsPlanned() throws {
            let source = try RandomBlocks(.q4_0, tied: false)
            let configuration = source.configuration
            for lowMemory in [false, true] {
                let runtime = try Runtime(threads: 2)
                let layout = try WeightLayout(of: source, as: configuration, compute: .int8, lowMemory: lowMemory)
                let matrices = configuration.parameters.filter { $0.shape.count == 2 }
                func bytes(_ name: String) -> Int? { layout.buffers.first { $0.name == name }?.byteCount }
                #expect(bytes("mapped file") == matrices.reduce(0) { $0 + $1.count } / 32 * 18)
                let packed = matrices.reduce(0) {
                    $0 + StoredMatrix.packedByteCount(.q4_0, rows: $1.shape[0], columns: $1.shape[1])
                }
                #expect(bytes("packed parameters") == (lowMemory ? nil : packed))
                let norms = configuration.parameters.count - matrices.count
                #expect(bytes("parameters") == norms * configuration.hiddenSize * 4)

                let model = try LanguageModel(reading: source, layout, on: runtime)
                let pass = try InferencePass(model, contextLength: 97, on: runtime)
                let planned = InferencePass.scratch(layout, contextLength: 97, on: runtime).byteCount
                let held = runtime.counters
                #expect(held.scratchByteCount <= planned)
                let taken = AlignedBuffer.allocationCount
                for length in [97, 2, 50] { _ = try pass.losses(Array(Self.tokens.prefix(length))) }
                _ = try pass.logits(Self.tokens, at: [96])
                #expect(runtime.counters.scratchByteCount == held.scratchByteCount)
                #expect(runtime.counters.scratchGrowths == held.scratchGrowths)
                #expect(AlignedBuffer.allocationCount == taken)
                let logits = InferencePass.plan(layout, contextLength: 97).buffers.filter { $0.name.contains("logits") }
                #expect(logits.map(\.byteCount) == [(configuration.vocabularySize * 4 + 63) / 64 * 64])
            }
        }

        @Test func allOfItIsReadAsFp32() throws {
            let source = try RandomBlocks(.q6_K, tied: false)
            let (quantized, exact) = try (model(source, .int8), model(source, .f32))
            let (copy, expected) = try (TrainableModel(copying: quantized), TrainableModel(copying: exact))
            #expect(sameBits(copy.parameters.all, expected.parameters.all))
            #expect(copy.freeze().compute == .f32)

            let fingerprint = quantized.fingerprint
            #expect(try model(source, .int8, lowMemory: true).fingerprint == fingerprint, "the same losses")
            #expect(exact.fingerprint != fingerprint)
            #expect(try model(RandomBlocks(.q6_K, tied: false, seed: 2), .int8).fingerprint != fingerprint)
        }

        @Test func scalesThatAreNotFiniteAreRefused() throws {
            let name = "model.layers.1.mlp.up_proj.weight"
            for type in Self.types {
                let source = try RandomBlocks(type, infinite: (name, 5))
                for compute in [Compute.int8, .f32] {
                    let error = #expect(throws: LensError.self) { try model(source, compute) }
                    #expect(error?.kind == .data && error?.message.contains(name) == true)
                    if compute == .int8 { #expect(error?.message.contains("block 5 of") == true, "\(type.name)") }
                }
            }
        }

        @Test func whatTheWeightsAreNotForIsAUsageError() throws {
            let fixture = Fixture.path("llama")
            func refused(_ path: String, _ compute: Compute, lowMemory: Bool = false, _ word: String) {
                let error = #expect(throws: LensError.self) {
                    try Pretrained.load(path: path, compute: compute, lowMemory: lowMemory)
                }
                #expect(error?.kind == .usage && error?.message.contains(word) == true)
            }
            refused(fixture, .int8, "no weights that int8 products are for")
            refused(fixture, .bf16, "no weights that bf16 products are for")
            refused(fixture, .auto, lowMemory: true, "has none")
            refused(fixture, .f32, lowMemory: true, "fp32 copies")
            #expect(try Pretrained.load(path: fixture, compute: .auto).model.compute == .f32)
        }

        /// Files of the writer: rotary rows interleaved, and what is no multiple of a block as F16.
        @Test(arguments: ["llama", "qwen2", "qwen3"])
        func filesAreComputedFromAsTheyAre(_ family: String) throws {
            let folder = try TemporaryFolder()
            let fixture = try Fixture(family)
            let path = folder.file("q.gguf")
            try Pretrained(model: fixture.model, tokenizer: nil, path: family).saveGGUF(to: path, type: .q8_0)
            let exact = try Pretrained.load(path: path).model
            let quantized = try Pretrained.load(path: path, compute: .auto).model
            #expect(exact.compute == .f32 && quantized.compute == .int8)
            let (ours, expected) = try (
                losses(quantized, fixture.expected.tokens), losses(exact, fixture.expected.tokens)
            )
            #expect(largestDifference(ours, expected.map(Double.init)) < 0.3)
            // Few tokens, whose differences do not cancel yet.
            #expect(abs(mean(ours) - mean(expected)) < 0.05)
            let (copy, read) = try (TrainableModel(copying: quantized), TrainableModel(copying: exact))
            #expect(sameBits(copy.parameters.all, read.parameters.all))
            // What is written again is what was read.
            try Pretrained(model: quantized, tokenizer: nil, path: path).saveGGUF(to: folder.file("f32.gguf"))
            let again = try TrainableModel(copying: Pretrained.load(path: folder.file("f32.gguf")).model)
            #expect(sameBits(again.parameters.all, read.parameters.all))
        }

        @Test(.enabled(if: RealModelTests.smollm2Path != nil, "needs the SmolLM2 GGUF"))
        func smollm2() throws {
            let reference = try JSONDecoder().decode(
                RealModelTests.Reference.self, from: Data(contentsOf: URL(filePath: Fixture.path("smollm2.json"))))
            let pretrained = try Pretrained.load(path: try #require(RealModelTests.smollm2Path), compute: .auto)
            #expect(pretrained.model.compute == .int8)
            let ours = try losses(pretrained.model, reference.tokens)
            #expect(abs(mean(ours) - reference.nll.reduce(0, +) / Double(reference.nll.count)) < 0.01)
            let differences = zip(ours, reference.nll).map { abs(Double($0) - $1) }
            #expect(differences.reduce(0, +) / Double(differences.count) < 0.1)
        }
    }
}
