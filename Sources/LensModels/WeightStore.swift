import LensFormats
import LensKernels
import LensSupport

/// The weights of a model by name: all fp32 (``ParameterStore``), or partly as their file stores them
/// (``MappedWeights``). Asking for one that the model lacks is a programmer's error.
package protocol WeightStore: AnyObject {
    var configuration: ModelConfiguration { get }
    /// How they are kept.
    var layout: WeightLayout { get }

    /// A matrix [output, input] that products compute with, or the embedding's table.
    func weights(_ name: String) -> Weights
    /// A tensor that is fp32 in any store: a norm's weight or a bias, as one row.
    subscript(name: String) -> Matrix { get }

    /// Any parameter as fp32, into a buffer of its size.
    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>)
    /// The checksum of all values, for telling one set of them from another.
    func addChecksum(to sum: inout Checksum)
}

extension ParameterStore: WeightStore {
    package var layout: WeightLayout { .f32(configuration) }

    package func weights(_ name: String) -> Weights { .f32(self[name]) }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) {
        let tensor = self[name]
        precondition(destination.count == tensor.count)
        _ = unsafe destination.update(fromContentsOf: tensor.elements)
    }
}
