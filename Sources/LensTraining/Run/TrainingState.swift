import LensModels
import LensSupport

/// The numbers that an update changes: the weights, the two moments of AdamW and the count of updates.
package final class TrainingState {
    package let parameters: ParameterStore
    package let firstMoment: ParameterStore
    package let secondMoment: ParameterStore
    /// Updates done.
    package internal(set) var step = 0

    /// The state before the first update: moments of 0. `.machine` when there is no memory for them.
    package init(_ parameters: ParameterStore) throws(LensError) {
        self.parameters = parameters
        firstMoment = try ParameterStore(parameters.configuration)
        secondMoment = try ParameterStore(parameters.configuration)
    }

    static let fileNames = ["model.safetensors", "first_moment.safetensors", "second_moment.safetensors"]

    /// The files of a checkpoint and what each holds.
    var files: [(name: String, store: ParameterStore)] {
        Array(zip(Self.fileNames, [parameters, firstMoment, secondMoment])).map { (name: $0, store: $1) }
    }
}
