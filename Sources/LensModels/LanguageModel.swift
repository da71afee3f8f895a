import LensFormats
import LensKernels
import LensSupport

/// A decoder-only language model: its shape and its weights.
public final class LanguageModel: Sendable {
    public let configuration: ModelConfiguration
    public let parameters: ParameterStore
    let views: ModelParameters

    public init(_ parameters: ParameterStore) {
        configuration = parameters.configuration
        self.parameters = parameters
        views = ModelParameters(parameters)
    }

    /// The decoder layers in order.
    var layers: [DecoderLayer] {
        views.layers.map { DecoderLayer(configuration: configuration, parameters: $0) }
    }

    /// Tells one model from another: two of the same fingerprint give the same losses.
    public var fingerprint: String {
        var sum = Checksum()
        sum.update(configuration.arithmeticDescription)
        parameters.addChecksum(to: &sum)
        return sum.hexadecimal
    }

    /// `.data` when a token lies outside the vocabulary.
    func check(_ tokens: [Int32]) throws(LensError) {
        for (index, token) in tokens.enumerated() where token < 0 || token >= configuration.vocabularySize {
            throw .data(
                "Token \(index) is \(token), but the model's vocabulary ends at \(configuration.vocabularySize - 1). Was the text tokenized for another model?"
            )
        }
    }
}
