import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTokenizers

/// What limits and shapes a generated text.
public struct GenerationSettings: Equatable, Sendable {
    /// Most tokens that are generated.
    public var maxTokens: Int
    public var sampling: SamplingSettings
    /// Texts at which it ends; they are not part of it.
    public var stops: [String]
    /// Whether the model's own end tokens (``Pretrained/endTokens``) end it.
    public var endsAtEndTokens: Bool

    /// Nothing is checked before a ``TextGeneration`` is made of them.
    public init(
        maxTokens: Int = 128, sampling: SamplingSettings = .greedy, stops: [String] = [], endsAtEndTokens: Bool = true
    ) {
        self.maxTokens = maxTokens
        self.sampling = sampling
        self.stops = stops
        self.endsAtEndTokens = endsAtEndTokens
    }
}

/// Why a text came to its end.
public enum GenerationEnd: Equatable, Sendable {
    /// The model gave an end token, which is not part of the text.
    case endToken(Int32)
    /// It came to a text to stop at.
    case stop(String)
    /// As many tokens as were asked for.
    case maxTokens
}

/// A token and the text that is certain with it, which may be empty or come from earlier tokens: characters are given whole,
/// and nothing that may turn out to be a text to stop at.
public struct GeneratedPiece: Equatable, Sendable {
    public let token: Int32
    public let text: String
}

/// A text as a model goes on with it, token by token.
///
///     let pretrained = try Pretrained.load(path: "SmolLM2-135M.gguf", compute: .auto)
///     let generation = try TextGeneration(pretrained, prompt: "Once upon a time")
///     while let piece = try generation.next() { print(piece.text, terminator: "") }
///     print(generation.rest)
///
/// Owns its memory, for keys and values of the prompt and `maxTokens` more; for one task at a time.
public final class TextGeneration {
    /// The tokens that it goes on from, BOS among them where the model has one.
    public let prompt: [Int32]
    public let settings: GenerationSettings
    /// The tokens so far, without the one that ended it.
    public private(set) var tokens: [Int32] = []
    /// Why it has come to its end; nil before.
    public private(set) var end: GenerationEnd?
    /// Called with the number of tokens computed and of layers done of the chunk at hand; what it throws ends the work.
    public var afterLayer: ((Int, Int) throws(LensError) -> Void)? {
        didSet {
            guard let report = afterLayer else { return pass.afterLayer = nil }
            let cache = cache
            pass.afterLayer = { (layers) throws(LensError) in try report(cache.count, layers) }
        }
    }

    private let pass: GenerationPass
    private let cache: KeyValueCache
    private let endTokens: Set<Int32>
    private var sampler: Sampler
    private var decoder: TokenDecoder
    /// Tokens that the tokenizer knows; a model may have more, for which there is no text.
    private let spelledCount: Int
    private var stream: TextStream
    private var logits: [Float]?
    /// What is left of the text after the last piece.
    public private(set) var rest = ""

    /// Nothing is computed yet: ``next()`` begins with the prompt.
    ///
    /// - Parameters:
    ///   - addBOS: put BOS before the prompt; nil as the model defines.
    ///   - chunkLength: most tokens of the prompt that are computed together.
    /// - Throws: `.missing` for a model without a tokenizer; else as ``init(_:tokens:settings:chunkLength:on:)``.
    public convenience init(
        _ pretrained: Pretrained, prompt: String, settings: GenerationSettings = GenerationSettings(),
        addBOS: Bool? = nil, chunkLength: Int = GenerationPass.defaultChunkLength, on runtime: Runtime = .shared
    ) throws(LensError) {
        let tokens = try pretrained.requireTokenizer().encode(prompt, addBOS: addBOS)
        try self.init(pretrained, tokens: tokens, settings: settings, chunkLength: chunkLength, on: runtime)
    }

    /// The same from tokens, used as they are.
    ///
    /// - Throws: `.usage` for a prompt without tokens, for settings that cannot be, and where prompt and `maxTokens` are more
    ///   than the model's context; `.data` for a token outside the vocabulary; `.missing` without a tokenizer; `.machine`
    ///   without memory.
    public init(
        _ pretrained: Pretrained, tokens prompt: [Int32], settings: GenerationSettings = GenerationSettings(),
        chunkLength: Int = GenerationPass.defaultChunkLength, on runtime: Runtime = .shared
    ) throws(LensError) {
        let tokenizer = try pretrained.requireTokenizer()
        guard !prompt.isEmpty else {
            throw .usage(
                "The prompt has no token, and the model puts none before it: there is nothing to go on from. Give it some text."
            )
        }
        guard settings.maxTokens > 0 else {
            throw .usage("At least 1 token must be asked for, not \(settings.maxTokens).")
        }
        guard !settings.stops.contains("") else { throw .usage("A text to stop at must not be empty.") }
        let configuration = pretrained.model.configuration, context = configuration.trainedContextLength
        guard prompt.count < context else {
            throw .usage(
                "The prompt has \(prompt.count) tokens, and the model's context is \(context): there is no room for another. "
                    + "Shorten the prompt.")
        }
        guard settings.maxTokens <= context - prompt.count else {
            throw .usage(
                "A prompt of \(prompt.count) tokens and \(settings.maxTokens) more are past the model's context of "
                    + "\(context). Ask for at most \(context - prompt.count) tokens, or shorten the prompt.")
        }
        self.prompt = prompt
        self.settings = settings
        sampler = try Sampler(settings.sampling)
        // The last token is not computed: nothing follows it.
        cache = try KeyValueCache(
            configuration, capacity: prompt.count + settings.maxTokens - 1,
            rotaryLength: prompt.count + settings.maxTokens)
        pass = try GenerationPass(pretrained.model, chunkLength: min(chunkLength, prompt.count), on: runtime)
        endTokens = settings.endsAtEndTokens ? Set(pretrained.endTokens) : []
        stream = TextStream(stops: settings.stops)
        decoder = TokenDecoder(tokenizer)
        spelledCount = tokenizer.vocabularySize
        for token in prompt { _ = try bytes(of: token) }
    }

    /// The next token with its text; nil at the end, when ``end`` tells why and ``rest`` has the last of the text.
    ///
    /// Throws what ``afterLayer`` does; `.data` for logits that are not finite.
    public func next() throws(LensError) -> GeneratedPiece? {
        if end != nil { return nil }
        let token = try sampler.next(try nextLogits())
        logits = nil
        if endTokens.contains(token) { return finish(.endToken(token)) }
        tokens.append(token)
        let text = stream.add(try bytes(of: token))
        if let stop = stream.stop {
            end = .stop(stop)
        } else if tokens.count == settings.maxTokens {
            _ = finish(.maxTokens)
        }
        return GeneratedPiece(token: token, text: text)
    }

    private func bytes(of token: Int32) throws(LensError) -> [UInt8] {
        var bytes: [UInt8] = []
        if Int(token) < spelledCount { try decoder.append(token, to: &bytes) }
        return bytes
    }

    private func finish(_ end: GenerationEnd) -> GeneratedPiece? {
        self.end = end
        rest = stream.finish()
        return nil
    }

    /// Kept until a token is chosen, so that what was interrupted can go on.
    private func nextLogits() throws(LensError) -> [Float] {
        if let logits { return logits }
        let new =
            if let last = tokens.last { try pass.decode(last, into: cache) } else {
                // What an interrupted call has computed is there.
                try pass.prefill(Array(prompt.dropFirst(cache.count)), into: cache)
            }
        logits = new
        return new
    }
}

extension Pretrained {
    func requireTokenizer() throws(LensError) -> Tokenizer {
        guard let tokenizer else { throw .missing("\(path) carries no tokenizer, which generating text needs.") }
        return tokenizer
    }
}
