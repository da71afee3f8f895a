import LensFormats
import LensKernels
import LensSupport

/// What passes read of a model: its shape and its weights.
package protocol ModelWeights: AnyObject {
    var configuration: ModelConfiguration { get }
    var store: any WeightStore { get }
}

/// A decoder-only language model whose weights stay as they are: any number of tasks may compute with it at once.
public final class LanguageModel: ModelWeights, @unchecked Sendable {
    public let configuration: ModelConfiguration
    // Nobody else has it, and nothing here writes to it.
    package let store: any WeightStore

    /// - Parameter parameters: the caller's no longer.
    package init(_ parameters: sending ParameterStore) {
        configuration = parameters.configuration
        store = parameters
    }

    /// - Parameter store: in nobody else's hands, though the compiler cannot see it.
    init(unshared store: any WeightStore) {
        configuration = store.configuration
        self.store = store
    }

    /// What its products are computed in: never `auto`.
    public var compute: Compute { store.layout.compute }

    /// A model in training as it is now, in memory of its own: the frozen original, when copied before the first update.
    /// `.machine` when there is no memory.
    public convenience init(copying model: TrainableModel) throws(LensError) {
        self.init(unshared: try ParameterStore(copying: model.parameters))
    }

    /// Tells one model from another, and what it is computed in: two of the same fingerprint give the same losses.
    public var fingerprint: String { weightsFingerprint }
}

/// A decoder-only language model whose weights training changes. It belongs to one task at a time, which the compiler sees to.
public final class TrainableModel: ModelWeights {
    public let configuration: ModelConfiguration
    package let parameters: ParameterStore
    package var store: any WeightStore { parameters }
    /// Whether the weights were handed over and may be trained no more.
    public private(set) var isFrozen = false

    package init(_ parameters: ParameterStore) {
        configuration = parameters.configuration
        self.parameters = parameters
    }

    /// A model that starts with the weights of another, as fp32 in memory of its own. `.machine` when there is none.
    public convenience init(copying model: LanguageModel) throws(LensError) {
        self.init(try ParameterStore(copying: model.store))
    }

    /// The model as it is now, to be used from any task. Nothing is copied: training it further is an error.
    public func freeze() -> LanguageModel {
        isFrozen = true
        return LanguageModel(unshared: parameters)
    }

    /// `.usage` when the weights were handed over.
    package func requireTrainable() throws(LensError) {
        if isFrozen { throw .usage("The model was frozen: its weights are in use elsewhere and may not change.") }
    }

    /// Tells one set of weights from another.
    public var fingerprint: String { weightsFingerprint }
}

extension ModelWeights {
    var views: ModelParameters { ModelParameters(store) }

    fileprivate var weightsFingerprint: String {
        var sum = Checksum()
        sum.update(configuration.arithmeticDescription)
        store.addChecksum(to: &sum)
        return sum.hexadecimal
    }

    /// `.data` when a token lies outside the vocabulary.
    func check(_ tokens: [Int32]) throws(LensError) {
        let size = configuration.vocabularySize
        for (index, token) in tokens.enumerated() where token < 0 || token >= size {
            throw .data(
                "Token \(index) is \(token), but the model's vocabulary ends at \(size - 1). Was the text tokenized for another model?"
            )
        }
    }
}
