import LensGeneration
import LensModels
import LensSupport
import LensTestSupport
import LensTokenizers
import Testing

/// Text that goes on from a prompt, by the small model of the repository.
@Suite struct TextGenerationTests {
    private let pretrained: Pretrained

    init() throws {
        pretrained = try Pretrained.load(path: SharedFiles.recallModel)
    }

    private func text(_ generation: TextGeneration) throws -> String {
        var text = ""
        while let piece = try generation.next() { text += piece.text }
        return text + generation.rest
    }

    @Test func textIsThatOfItsTokens() throws {
        for settings in [
            GenerationSettings(maxTokens: 80),
            GenerationSettings(maxTokens: 80, sampling: .init(temperature: 1.5, seed: 4)),
        ] {
            let generation = try TextGeneration(pretrained, prompt: "The keeper of the tower", settings: settings)
            #expect(generation.end == nil)
            let text = try text(generation)
            let tokenizer = try #require(pretrained.tokenizer)
            #expect(generation.prompt == (try tokenizer.encode("The keeper of the tower")))
            #expect(generation.end == .maxTokens && generation.tokens.count == 80)
            #expect(try generation.next() == nil)
            let all = try tokenizer.decode(generation.prompt + generation.tokens)
            #expect("The keeper of the tower" + text == String(decoding: all, as: UTF8.self))
        }
    }

    @Test func seedsAndChunksAsTheyShould() throws {
        func tokens(_ temperature: Double, seed: UInt64, chunk: Int = 512) throws -> [Int32] {
            let generation = try TextGeneration(
                pretrained, prompt: "Once there was a judge",
                settings: GenerationSettings(maxTokens: 40, sampling: .init(temperature: temperature, seed: seed)),
                chunkLength: chunk)
            _ = try text(generation)
            return generation.tokens
        }
        #expect(try tokens(1, seed: 7) == tokens(1, seed: 7, chunk: 2))
        #expect(try tokens(1, seed: 7) != tokens(1, seed: 8))
        #expect(try tokens(0, seed: 7) == tokens(0, seed: 8, chunk: 1))
    }

    @Test func itEndsAtAStopAndAtAnEndToken() throws {
        let prompt = "The keeper of the tower"
        let whole = try text(TextGeneration(pretrained, prompt: prompt, settings: .init(maxTokens: 60)))
        // A text that stands in it, over a border of tokens.
        let start = whole.index(whole.startIndex, offsetBy: 20), end = whole.index(start, offsetBy: 9)
        let stop = String(whole[start..<end])
        let generation = try TextGeneration(
            pretrained, prompt: prompt, settings: .init(maxTokens: 60, stops: ["never", stop]))
        let part = try text(generation)
        #expect(whole.hasPrefix(part + stop) && generation.end == .stop(stop))
        #expect(generation.tokens.count < 60)

        // A drawn text that comes to the end token sooner or later; without it, it goes on.
        let endToken = try #require(pretrained.endTokens.first)
        #expect(pretrained.endTokens == [endToken])
        var ended = 0
        for seed in 0..<20 as Range<UInt64> {
            var settings = GenerationSettings(maxTokens: 100, sampling: .init(temperature: 30, seed: seed))
            let generation = try TextGeneration(pretrained, prompt: prompt, settings: settings)
            _ = try text(generation)
            #expect(!generation.tokens.contains(endToken))
            guard generation.end == .endToken(endToken) else { continue }
            ended += 1
            settings.endsAtEndTokens = false
            let on = try TextGeneration(pretrained, prompt: prompt, settings: settings)
            _ = try text(on)
            #expect(on.tokens.count == 100 && on.tokens.starts(with: generation.tokens + [endToken]))
        }
        #expect(ended > 0)
    }

    @Test func anInterruptedTextGoesOn() throws {
        let settings = GenerationSettings(maxTokens: 20)
        let expected = try text(TextGeneration(pretrained, prompt: "The city of", settings: settings))
        let generation = try TextGeneration(pretrained, prompt: "The city of", settings: settings, chunkLength: 2)
        var calls = 0, interruptions = 0, whole = ""
        generation.afterLayer = { (_, _) throws(LensError) in
            calls += 1
            if calls % 7 == 0 { throw LensError(.interrupted, "for a moment") }
        }
        while generation.end == nil {
            do { whole += try generation.next()?.text ?? "" } catch {
                #expect(error.kind == .interrupted)
                interruptions += 1
            }
        }
        #expect(whole + generation.rest == expected && interruptions > 3)
    }

    @Test func whatCannotBeIsAnError() throws {
        func fails(_ kind: LensError.Kind, saying words: String..., of body: () throws -> TextGeneration) {
            #expect { try body() } throws: { error in
                guard let error = error as? LensError else { return false }
                return error.kind == kind && words.allSatisfy(error.message.contains)
            }
        }
        func generation(_ tokens: [Int32], _ settings: GenerationSettings = .init()) throws -> TextGeneration {
            try TextGeneration(pretrained, tokens: tokens, settings: settings)
        }
        fails(.usage, saying: "no token") { try generation([]) }
        fails(.usage, saying: "1024", "at most 24 tokens") {
            try generation([Int32](repeating: 5, count: 1000), .init(maxTokens: 25))
        }
        _ = try generation([Int32](repeating: 5, count: 1000), .init(maxTokens: 24))
        fails(.usage, saying: "1024", "Shorten") { try generation([Int32](repeating: 5, count: 1024)) }
        fails(.usage) { try generation([5], .init(maxTokens: 0)) }
        fails(.usage) { try generation([5], .init(maxTokens: .max)) }
        fails(.usage) { try generation([5], .init(stops: ["a", ""])) }
        fails(.usage, saying: "temperature") { try generation([5], .init(sampling: .init(temperature: -1))) }
        let bare = Pretrained(model: pretrained.model, tokenizer: nil, path: "bare")
        fails(.missing, saying: "bare", "tokenizer") { try TextGeneration(bare, tokens: [5]) }
        fails(.missing) { try TextGeneration(bare, prompt: "x") }
        let outside = try generation([1, 5000])
        #expect { try outside.next() } throws: { ($0 as? LensError)?.kind == .data }
    }
}
