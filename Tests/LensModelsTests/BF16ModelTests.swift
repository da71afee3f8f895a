import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// Models that compute with the 16-bit weights of their file, against the same weights made fp32.
    @Suite struct BF16ModelTests: StoredModelTests {
        /// Runtimes of all instruction sets, and of the widest one without bf16.
        private func runtimes() throws -> [Runtime] {
            try InstructionSet.supported.map { try Runtime(instructionSet: $0) } + [Runtime(without: [.bf16])]
        }

        @Test(arguments: [TensorType.f16, .bf16], [true, false])
        func lossesAreThoseOfTheSameWeightsInFp32(_ type: TensorType, tied: Bool) throws {
            let source = try RandomBlocks(type, tied: tied)
            for runtime in try runtimes() {
                let exact = try losses(model(source, .f32, on: runtime), on: runtime)
                for compute in [Compute.auto, .bf16] {
                    let stored = try model(source, compute, on: runtime)
                    #expect(stored.compute == .bf16)
                    let ours = try losses(stored, on: runtime), differences = differences(ours, exact)
                    #expect(abs(mean(ours) - mean(exact)) < 0.003)
                    #expect(differences.reduce(0, +) / Double(differences.count) < 0.01)
                    #expect(differences.max() ?? 1 < 0.05)
                    // Without bf16, BF16 weights are exact and nothing else is rounded.
                    if type == .bf16, !runtime.features.contains(.bf16) { #expect(differences.max() ?? 1 < 1e-4) }
                }
            }
        }

        @Test(arguments: [TensorType.f16, .bf16])
        func threadsAndPackingChangeNoBit(_ type: TensorType) throws {
            let source = try RandomBlocks(type, tied: false)
            for without in [Set<ProcessorFeature>(), [.bf16]] {
                for length in [1, 2, 33, 97] {
                    let tokens = Array(Self.tokens.prefix(length))
                    func run(_ threads: Int, lowMemory: Bool) throws -> [Float] {
                        let runtime = try Runtime(threads: threads, without: without)
                        return try losses(
                            model(source, .bf16, lowMemory: lowMemory, on: runtime), tokens, on: runtime)
                    }
                    let expected = try run(1, lowMemory: false)
                    #expect(expected.count == length - 1)
                    for threads in [1, 2, 3] {
                        for lowMemory in [false, true] {
                            #expect(try run(threads, lowMemory: lowMemory) == expected, "\(threads), \(lowMemory)")
                        }
                    }
                }
            }
        }

        /// Each matrix in its own type; `bf16` leaves the quantized ones to fp32.
        @Test func filesOfSeveralTypes() throws {
            let source = try RandomBlocks(.q8_0, other: .f16)
            let exact = try losses(model(source, .f32))
            for (compute, expected) in [(Compute.auto, Compute.int8), (.int8, .int8), (.bf16, .bf16)] {
                let stored = try model(source, compute)
                #expect(stored.compute == expected)
                let ours = try losses(stored)
                #expect(abs(mean(ours) - mean(exact)) < 0.01)
                #expect(ours != exact)
            }
            #expect(try losses(model(source, .bf16)) != losses(model(source, .int8)))
            func mapped(_ compute: Compute) throws -> Int? {
                try WeightLayout(of: source, as: source.configuration, compute: compute).buffers
                    .first { $0.name == "mapped file" }?.byteCount
            }
            let all = source.configuration.parameters.filter { $0.shape.count == 2 }
            let half = all.filter { $0.name.contains(".mlp.") }.reduce(0) { $0 + 2 * $1.count }
            let rest = all.filter { !$0.name.contains(".mlp.") }.reduce(0) { $0 + $1.count / 32 * 34 }
            #expect(try mapped(.bf16) == half && mapped(.auto) == half + rest)
        }

        /// The kernels' scratch and the buffers are those of the plan.
        @Test func whatAPassTakesIsPlanned() throws {
            let source = try RandomBlocks(.f16, tied: false)
            for lowMemory in [false, true] {
                let runtime = try Runtime(threads: 2)
                let layout = try WeightLayout(
                    of: source, as: source.configuration, compute: .bf16, lowMemory: lowMemory)
                let matrices = source.configuration.parameters.filter { $0.shape.count == 2 }
                func bytes(_ name: String) -> Int? { layout.buffers.first { $0.name == name }?.byteCount }
                let stored = matrices.reduce(0) { $0 + 2 * $1.count }
                #expect(bytes("mapped file") == stored)
                // 101 rows are 7 panels of 16.
                let padding = 2 * 2 * (7 * 16 - 101) * source.configuration.hiddenSize
                #expect(bytes("packed parameters") == (lowMemory ? nil : stored + padding))

                let model = try LanguageModel(reading: source, layout, on: runtime)
                let pass = try InferencePass(model, contextLength: 97, on: runtime)
                let held = runtime.counters
                #expect(
                    held.scratchByteCount <= InferencePass.scratch(layout, contextLength: 97, on: runtime).byteCount)
                let taken = AlignedBuffer.allocationCount
                for length in [97, 2, 50] { _ = try pass.losses(Array(Self.tokens.prefix(length))) }
                _ = try pass.logits(Self.tokens, at: [96])
                #expect(runtime.counters.scratchByteCount == held.scratchByteCount)
                #expect(runtime.counters.scratchGrowths == held.scratchGrowths)
                #expect(AlignedBuffer.allocationCount == taken)
            }
        }

        @Test func valuesThatAreNotFiniteAreRefused() throws {
            let name = "model.layers.1.mlp.up_proj.weight"
            for type in [TensorType.f16, .bf16] {
                for compute in [Compute.bf16, .f32] {
                    let error = #expect(throws: LensError.self) {
                        try model(RandomBlocks(type, infinite: (name, 77_001)), compute)
                    }
                    #expect(error?.kind == .data && error?.message.contains(name) == true)
                    #expect(error?.message.contains("element 77001") == true, "\(type.name)")
                }
            }
        }

        @Test func fingerprintsTellTheWeightsApart() throws {
            let source = try RandomBlocks(.bf16)
            let model = try model(source, .bf16), fingerprint = model.fingerprint
            #expect(try self.model(source, .auto, lowMemory: true).fingerprint == fingerprint, "the same losses")
            #expect(try self.model(source, .f32).fingerprint != fingerprint)
            #expect(try self.model(RandomBlocks(.bf16, seed: 2), .bf16).fingerprint != fingerprint)
            let (copy, exact) = try (
                TrainableModel(copying: model), TrainableModel(copying: self.model(source, .f32))
            )
            #expect(sameBits(copy.parameters.all, exact.parameters.all))
        }

        /// Hugging Face folders and GGUF files, whose rows are in another order: packed or not to the same bits.
        @Test(arguments: [GGUFFileType.f16, .bf16], ["llama", "qwen2", "qwen3", "llama-tied-rope3"])
        func filesAreComputedFromAsTheyAre(_ type: GGUFFileType, _ family: String) throws {
            let folder = try TemporaryFolder()
            let fixture = try Fixture(family)
            let pretrained = Pretrained(model: fixture.model, tokenizer: nil, path: family)
            try pretrained.saveGGUF(to: folder.file("m.gguf"), type: type)
            try pretrained.saveHuggingFace(to: folder.file("folder"), type: type.most)
            let tokens = fixture.expected.tokens
            for path in [folder.file("m.gguf"), folder.file("folder")] {
                let exact = try losses(Pretrained.load(path: path).model, tokens)
                let all = try [false, true].map { lowMemory in
                    let model = try Pretrained.load(path: path, compute: .auto, lowMemory: lowMemory).model
                    #expect(model.compute == .bf16)
                    return try losses(model, tokens)
                }
                #expect(all[0] == all[1])
                #expect(differences(all[0], exact).max() ?? 1 < 0.2)
                #expect(abs(mean(all[0]) - mean(exact)) < 0.01)
                // The order of the rows is no rounding: without bf16, BF16 weights are exact.
                let runtime = try Runtime(without: [.bf16])
                let wide = try losses(
                    Pretrained.load(path: path, compute: .bf16, on: runtime).model, tokens, on: runtime)
                if type == .bf16 { #expect(differences(wide, exact).max() ?? 1 < 1e-4) }
            }
            #expect(throws: LensError.self) { try Pretrained.load(path: folder.file("m.gguf"), compute: .int8) }
        }
    }
}
