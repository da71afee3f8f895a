import Foundation
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTestSupport
import Testing

extension ModelTests {
    /// What is computed from a cache of keys and values.
    @Suite struct GenerationPassTests: StoredModelTests {
        struct Greedy: Decodable {
            let prompt: [Int32]
            let tokens: [Int32]
        }

        /// What transformers' `generate` adds; see scripts/oracle/make_generation_fixtures.py.
        static func greedy(_ name: String) throws -> Greedy {
            let all = try JSONDecoder().decode(
                [String: Greedy].self, from: Data(contentsOf: URL(filePath: Fixture.path("greedy.json"))))
            return try #require(all[name])
        }

        static let recallPath = SharedFiles.recallModel

        private func most(likely logits: [Float]) -> Int32 {
            Int32(logits.indices.reduce(0) { logits[$1] > logits[$0] ? $1 : $0 })
        }

        /// A prompt, then the most likely token again and again.
        private func tokens(
            of model: LanguageModel, after prompt: [Int32], count: Int, chunk: Int, on runtime: Runtime = .shared
        ) throws -> [Int32] {
            let pass = try GenerationPass(model, chunkLength: chunk, on: runtime)
            let cache = try KeyValueCache(model.configuration, capacity: prompt.count + count)
            var logits = try pass.prefill(prompt, into: cache), tokens: [Int32] = []
            while tokens.count < count {
                tokens.append(most(likely: logits))
                logits = try pass.decode(tokens[tokens.count - 1], into: cache)
            }
            #expect(cache.tokens == prompt + tokens)
            return tokens
        }

        @Test(arguments: Fixture.families, [1, 5, 512])
        func tokensAreThoseOfTransformers(name: String, chunk: Int) throws {
            let (model, greedy) = (try Fixture(name).model, try Self.greedy(name))
            #expect(
                try tokens(of: model, after: greedy.prompt, count: greedy.tokens.count, chunk: chunk) == greedy.tokens)
        }

        @Test(arguments: InstructionSet.supported)
        func tokensOfATrainedModel(set: InstructionSet) throws {
            let (model, greedy) = (try Pretrained.load(path: Self.recallPath).model, try Self.greedy("recall-1m"))
            for threads in [1, 3] {
                let runtime = try Runtime(threads: threads, instructionSet: set)
                #expect(
                    try tokens(of: model, after: greedy.prompt, count: 100, chunk: 128, on: runtime) == greedy.tokens)
            }
        }

        @Test(.enabled(if: RealModelTests.storiesPath != nil, "needs stories260K.bin"))
        func tokensOfStories260K() throws {
            let pretrained = try Pretrained.load(
                path: try #require(RealModelTests.storiesPath),
                tokenizerPath: SharedFiles.path("models/stories260K/tok512.bin"))
            let greedy = try Self.greedy("stories260k")
            #expect(
                try tokens(of: pretrained.model, after: greedy.prompt, count: greedy.tokens.count, chunk: 16)
                    == greedy.tokens)
        }

        @Test(.enabled(if: RealModelTests.smollm2Path != nil, "needs the SmolLM2 GGUF"))
        func tokensOfSmolLM2() throws {
            let model = try Pretrained.load(path: try #require(RealModelTests.smollm2Path)).model
            let greedy = try Self.greedy("smollm2")
            #expect(
                try tokens(of: model, after: greedy.prompt, count: greedy.tokens.count, chunk: 512) == greedy.tokens)
        }

        /// Models of several kinds, of at least 59 tokens.
        private func models() throws -> [LanguageModel] {
            let families = try ["llama", "qwen2", "qwen3"].map { try Fixture($0).model }
            // Attention may round too where weights are of fewer bits.
            return families + [
                try model(RandomBlocks(.bf16, tied: false), .auto), try model(RandomBlocks(.q8_0, tied: true), .auto),
            ]
        }

        /// Chunks of any length give the bits of one pass over all tokens: logits and losses.
        @Test(arguments: [1, 7, 64, 100, 299, 512])
        func chunksGiveTheBitsOfTheWhole(chunk: Int) throws {
            let tokens = (0..<300).map { Int32($0 * $0 % 59) }, last = tokens.count - 1
            for model in try models() {
                let whole = try InferencePass(model, contextLength: tokens.count)
                let pass = try GenerationPass(model, chunkLength: chunk)
                let cache = try KeyValueCache(model.configuration, capacity: tokens.count)
                #expect(try pass.losses(tokens, into: cache) == whole.losses(tokens))
                cache.truncate(to: 150)
                let expected = try whole.logits(tokens, at: [last])[0]
                #expect(try pass.prefill(Array(tokens[150...]), into: cache) == expected)
                // A token that is decoded sums in another order.
                cache.truncate(to: last)
                let decoded = try pass.decode(tokens[last], into: cache)
                let limit = model.compute == .f32 ? 1e-4 : 0.05
                #expect(largestDifference(decoded, expected.map(Double.init)) < limit)
            }
        }

        @Test func decodingHasTheSameBitsForAnyNumberOfThreads() throws {
            let model = try Pretrained.load(path: Self.recallPath).model
            let prompt = (0..<600).map { Int32($0 * 7 % 1000) }
            for set in InstructionSet.supported {
                let logits = try [1, 2, 5].map { threads in
                    let pass = try GenerationPass(model, on: try Runtime(threads: threads, instructionSet: set))
                    let cache = try KeyValueCache(model.configuration, capacity: 610)
                    _ = try pass.prefill(prompt, into: cache)
                    return try (0..<10).map { try pass.decode($0, into: cache) }
                }
                #expect(logits[0] == logits[1] && logits[0] == logits[2])
            }
        }

        /// Several continuations of one beginning, each as if it were alone.
        @Test func continuationsShareABeginning() throws {
            let model = try Fixture("qwen3").model
            let pass = try GenerationPass(model, chunkLength: 8)
            let beginning: [Int32] = (0..<20).map { $0 * 3 % 61 }
            let shared = try KeyValueCache(model.configuration, capacity: 40)
            _ = try pass.prefill(beginning, into: shared)
            for ending: [Int32] in [[5, 9, 2], [5, 8], [60]] {
                let alone = try KeyValueCache(model.configuration, capacity: 40)
                let expected = try pass.prefill(beginning + ending, into: alone)
                // Gone back to.
                #expect(shared.commonPrefixCount(with: beginning + ending) >= 20)
                shared.truncate(to: 20)
                #expect(try pass.prefill(ending, into: shared) == expected)
                #expect(shared.tokens == beginning + ending)
                // Taken over, into a cache of less room, whatever it held.
                let copy = try KeyValueCache(model.configuration, capacity: 25)
                _ = try pass.prefill([1, 2, 3], into: copy)
                try copy.copy(from: shared, count: 20)
                #expect(copy.tokens == beginning && copy.room == 5)
                #expect(try pass.prefill(ending, into: copy) == expected)
                #expect(try pass.decode(7, into: copy) == pass.decode(7, into: alone))
                #expect(shared.tokens == beginning + ending)
            }
            let copy = try KeyValueCache(model.configuration, capacity: 25)
            try copy.copy(from: shared)
            #expect(copy.tokens == shared.tokens)
            copy.truncate(to: 0)
            #expect(copy.count == 0 && copy.room == 25)
        }

        @Test func memoryIsKnownBefore() throws {
            let model = try Fixture("llama").model
            // Layers x tokens x key/value heads x head size, keys and values.
            #expect(KeyValueCache.byteCount(model.configuration, capacity: 100) == 2 * 100 * 2 * 8 * 4 * 2)
            let runtime = try Runtime(threads: 2)
            let pass = try GenerationPass(model, chunkLength: 16, on: runtime)
            let cache = try KeyValueCache(model.configuration, capacity: 2000)
            let before = runtime.counters
            _ = try pass.prefill((0..<900).map { $0 % 60 }, into: cache)
            for _ in 0..<5 { _ = try pass.decode(3, into: cache) }
            #expect(runtime.counters.scratchGrowths == before.scratchGrowths)
        }

        /// Frequencies that depend on the length are those of the length that was said, for prompt and text.
        @Test func frequenciesStayThoseOfTheWholeLength() throws {
            var configuration = try Fixture("llama").model.configuration
            configuration.ropeScaling = .dynamic(factor: 2)
            configuration.contextLength = 16
            let model = try Pretrained.load(path: Fixture.path("llama")) {
                (given) throws(LensError) in given = configuration
            }.model
            let tokens = (0..<40).map { Int32($0 * $0 % 59) }
            let pass = try GenerationPass(model, chunkLength: 12)
            let cache = try KeyValueCache(configuration, capacity: 39, rotaryLength: 40)
            let losses = try pass.losses(Array(tokens.prefix(39)), into: cache)
            #expect(try losses == Array(InferencePass(model, contextLength: 40).losses(tokens).prefix(38)))
            let other = try KeyValueCache(configuration, capacity: 30)
            #expect(throws: LensError.self) { try other.copy(from: cache, count: 10) }
            // The table of another cache is not kept.
            let short = Array(tokens.prefix(30))
            #expect(try pass.losses(short, into: other) == InferencePass(model, contextLength: 30).losses(short))
        }

        @Test func whatIsInterruptedGoesOn() throws {
            let model = try Fixture("llama").model
            let tokens = (0..<40).map { Int32($0 * $0 % 59) }
            let pass = try GenerationPass(model, chunkLength: 10)
            let cache = try KeyValueCache(model.configuration, capacity: 50)
            let expected = try pass.prefill(tokens, into: try KeyValueCache(model.configuration, capacity: 40))
            var layers = 0
            pass.afterLayer = { (_) throws(LensError) in
                layers += 1
                if layers == 5 { throw LensError(.interrupted, "enough") }
            }
            #expect(throws: LensError.self) { try pass.prefill(tokens, into: cache) }
            #expect(cache.count == 20)
            pass.afterLayer = nil
            #expect(try pass.prefill(Array(tokens[cache.count...]), into: cache) == expected)
        }

        @Test func whatCannotBeIsAnError() throws {
            let (model, other) = (try Fixture("llama").model, try Fixture("qwen2").model)
            let pass = try GenerationPass(model, chunkLength: 4)
            let cache = try KeyValueCache(model.configuration, capacity: 6)
            func fails(_ kind: LensError.Kind, _ body: () throws -> Void) {
                #expect { try body() } throws: { ($0 as? LensError)?.kind == kind }
            }
            fails(.usage) { _ = try pass.prefill([], into: cache) }
            fails(.usage) { _ = try pass.prefill([Int32](repeating: 1, count: 7), into: cache) }
            fails(.data) { _ = try pass.prefill([67], into: cache) }
            fails(.data) { _ = try pass.decode(-1, into: cache) }
            fails(.usage) { _ = try pass.decode(1, into: try KeyValueCache(other.configuration, capacity: 6)) }
            #expect(cache.count == 0)
            _ = try pass.prefill([1, 2, 3, 4, 5, 6], into: cache)
            fails(.usage) { _ = try pass.decode(1, into: cache) }
            #expect(cache.count == 6)
            fails(.usage) { try cache.copy(from: cache, count: 7) }
            fails(.usage) { try KeyValueCache(model.configuration, capacity: 5).copy(from: cache) }
            fails(.usage) { try KeyValueCache(other.configuration, capacity: 6).copy(from: cache) }
            fails(.usage) { _ = try KeyValueCache(model.configuration, capacity: 0) }
            fails(.usage) { _ = try GenerationPass(model, chunkLength: 0) }
            fails(.machine) { _ = try KeyValueCache(model.configuration, capacity: 1 << 40) }
            fails(.machine) { _ = try GenerationPass(model, chunkLength: 1 << 40) }
        }
    }
}
