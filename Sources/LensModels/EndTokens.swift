import LensFormats
import LensTokenizers

extension Pretrained {
    /// The tokens after which a text goes no further: the model's, the tokenizer's, and those that the files name beside
    /// them (a list of `eos_token_id`, `generation_config.json`; the ends of turns and messages of GGUF), ascending.
    public var endTokens: [Int32] {
        let size = model.configuration.vocabularySize
        let named = [model.configuration.eosToken, tokenizer?.eosToken].compactMap { $0 }.map(Int.init)
        return Set(named + origin.endTokens).filter { (0..<size).contains($0) }.sorted().map(Int32.init)
    }
}
