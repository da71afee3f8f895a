import LensData
import LensFormats
import LensModels
import LensSupport

extension Pretrained {
    /// Turns documents into tokens of the model; without a tokenizer, documents of token ids alone.
    ///
    /// - Parameters:
    ///   - special: special tokens written in text are read as such.
    ///   - warn: told of the first document whose text spells special tokens that are not.
    /// - Throws: `.usage` when BOS (EOS) is always wanted and the model has none.
    package func documentEncoder(
        bos: BoundaryPolicy = .auto, eos: BoundaryPolicy = .auto, special: Bool = false,
        warn: (@Sendable (String) -> Void)? = nil
    ) throws(LensError) -> DocumentEncoder {
        let configuration = model.configuration
        let ids = TokenIDsEncoding(
            model: path, vocabularySize: configuration.vocabularySize, bosToken: configuration.bosToken)
        var encoder = try DocumentEncoder(tokenizer ?? ids, bos: bos, eos: eos, special: special, warn: warn)
        encoder.embeddingRows = configuration.vocabularySize
        return encoder
    }
}
