import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// Sequences computed together have the losses that each has alone, to the bit.
    @Suite struct BatchTests {
        typealias Window = InferencePass.Window

        private static let configuration = ModelConfiguration(
            vocabularySize: 101, hiddenSize: 96, feedForwardSize: 160, layerCount: 2, headCount: 6,
            keyValueHeadCount: 2, headDimension: 16, contextLength: 64)

        private static func tokens(_ count: Int, _ seed: Int) -> [Int32] {
            (0..<count).map { Int32(($0 * $0 * 31 + $0 * seed + seed) % 101) }
        }

        /// Of all kinds: of one token, with no loss wanted, of one loss, past a block of the feed-forward part.
        private static let windows: [Window] =
            [64, 1, 2, 97, 300, 48, 33, 2, 128, 64, 17].enumerated().map { Window(tokens($1, $0 + 1)) } + [
                Window(tokens(97, 20), from: 60), Window(tokens(64, 21), from: 62), Window(tokens(64, 22), from: 63),
                Window([], from: 0), Window(tokens(2, 23), from: 0), Window(tokens(120, 24), from: 1),
            ]

        private func expectSame(_ model: LanguageModel, _ name: String, on runtime: Runtime) throws {
            let alone = try InferencePass(model, contextLength: 300, on: runtime)
            let expected = try Self.windows.map { try alone.losses($0.tokens, from: $0.first) }
            #expect(zip(expected, Self.windows).allSatisfy { $0.count == $1.lossCount })
            let all = Self.windows.reduce(0) { $0 + $1.tokens.count }
            let together = try InferencePass(model, contextLength: 300, batch: all, on: runtime)
            #expect(try together.losses(of: Self.windows) == expected, "\(name), all at once")
            #expect(try together.losses(of: Self.windows.reversed()) == expected.reversed(), "\(name), backwards")
            let growing = try InferencePass(model, contextLength: 300, batch: 310, grows: true, on: runtime)
            var start = 0
            while start < Self.windows.count {
                var end = start, tokens = 0
                while end < Self.windows.count, tokens + Self.windows[end].tokens.count <= 310 {
                    tokens += Self.windows[end].tokens.count
                    end += 1
                }
                let part = start..<end
                #expect(
                    try growing.losses(of: Array(Self.windows[part])) == Array(expected[part]), "\(name), \(part)")
                start = end
            }
        }

        @Test(arguments: InstructionSet.supported)
        func lossesAreThoseOfEachAloneInFp32(_ set: InstructionSet) throws {
            var norms = Self.configuration
            norms.queryKeyNorm = true
            for configuration in [Self.configuration, norms] {
                let model = try LanguageModel(randomWeightsOf: configuration, seed: 5)
                for threads in [1, 3] {
                    try expectSame(
                        model, "\(set), \(threads)", on: Runtime(threads: threads, instructionSet: set))
                }
            }
        }

        @Test(arguments: [TensorType.q8_0, .q4_1, .q4_K, .q6_K])
        func lossesAreThoseOfEachAloneInInt8(_ type: TensorType) throws {
            let source = try RandomBlocks(type, tied: false)
            // Packing for each product, and plain C, take their time.
            for (set, lowMemory) in InstructionSet.supported.map({ ($0, false) }) + [(.best, true)] {
                let layout = try WeightLayout(
                    of: source, as: source.configuration, compute: .int8, lowMemory: lowMemory)
                for threads in set == .best && !lowMemory ? [1, 3] : [2] {
                    let runtime = try Runtime(threads: threads, instructionSet: set)
                    let model = try LanguageModel(reading: source, layout, on: runtime)
                    try expectSame(model, "\(set), \(threads), \(lowMemory)", on: runtime)
                }
            }
        }

        /// Frequencies that depend on the length of a sequence are those of each one's own.
        @Test(arguments: [
            RopeScaling.dynamic(factor: 4),
            .longrope(
                shortFactors: .init(repeating: 1, count: 8), longFactors: (1...8).map(Double.init), factor: nil,
                attentionFactor: nil, originalContextLength: 64),
        ])
        func frequenciesAreThoseOfEachAlone(_ scaling: RopeScaling) throws {
            var configuration = Self.configuration
            configuration.ropeScaling = scaling
            let model = try LanguageModel(randomWeightsOf: configuration, seed: 6)
            try expectSame(model, "\(scaling)", on: .shared)
        }

        @Test func whatABatchTakesIsPlanned() throws {
            let source = try RandomBlocks(.q8_0)
            for compute in [Compute.f32, .int8] {
                let runtime = try Runtime(threads: 2)
                let layout = try WeightLayout(of: source, as: source.configuration, compute: compute)
                let model = try LanguageModel(reading: source, layout, on: runtime)
                let pass = try InferencePass(model, contextLength: 97, batch: 500, on: runtime)
                let held = runtime.counters, taken = AlignedBuffer.allocationCount
                #expect(
                    held.scratchByteCount
                        <= InferencePass.scratch(layout, contextLength: 97, batch: 500, on: runtime).byteCount)
                for length in [97, 2, 50, 1] {
                    let windows = (0..<500 / length).map { Window(Self.tokens(length, $0)) }
                    _ = try pass.losses(of: windows)
                }
                #expect(runtime.counters.scratchByteCount == held.scratchByteCount)
                #expect(runtime.counters.scratchGrowths == held.scratchGrowths)
                #expect(AlignedBuffer.allocationCount == taken)
                // Only the tables of positions are as long as the longest sequence.
                func bytes(_ batch: Int?, _ name: String) -> Int {
                    InferencePass.plan(layout, contextLength: 97, batch: batch).summary
                        .filter { $0.name.contains(name) }.reduce(0) { $0 + $1.byteCount }
                }
                #expect(bytes(500, "rotary") == bytes(nil, "rotary") && bytes(50, "stream") == bytes(nil, "stream"))
                #expect(bytes(970, "stream") == 10 * bytes(nil, "stream"))
            }
        }

        @Test func wrongBatchesAreErrors() throws {
            let model = try LanguageModel(randomWeightsOf: Self.configuration, seed: 5)
            let pass = try InferencePass(model, contextLength: 40, batch: 100)
            let good = Window(Self.tokens(40, 1))
            for bad in [
                [Window(Self.tokens(41, 1))], [good, good, Window(Self.tokens(21, 1))],
                [good, Window([1, 2], from: -1)], [good, Window([1, 101])], [Window([-1, 3]), good],
            ] {
                #expect(throws: LensError.self) { try pass.losses(of: bad) }
            }
            #expect(try pass.losses(of: []).isEmpty)
            #expect(try pass.losses(of: [good, good, Window(Self.tokens(20, 1))]).map(\.count) == [39, 39, 19])
        }
    }
}
