import LensFormats
import LensKernels
import LensSupport

/// One value for each parameter of a model (the weights, their gradients, a moment), in one flat aligned buffer.
///
/// Tensors are views into it, so clipping, the optimizer and checkpoints are one pass over `all`.
package final class ParameterStore {
    package let configuration: ModelConfiguration
    /// The tensors in the order in which they lie in the buffer.
    package let descriptions: [ParameterDescription]
    /// All values as one row.
    package let all: Matrix
    private let starts: [String: (index: Int, start: Int)]

    /// Zeros. `.machine` when there is no memory for them.
    package convenience init(_ configuration: ModelConfiguration) throws(LensError) {
        try self.init(configuration, only: configuration.parameters)
    }

    /// Zeros for some of the parameters.
    init(_ configuration: ModelConfiguration, only descriptions: [ParameterDescription]) throws(LensError) {
        self.configuration = configuration
        self.descriptions = descriptions
        var starts: [String: (index: Int, start: Int)] = [:]
        var count = 0
        for (index, description) in descriptions.enumerated() {
            starts[description.name] = (index, count)
            count += Self.paddedCount(description)
        }
        self.starts = starts
        all = try Matrix(rows: 1, columns: count)
    }

    /// The same values as fp32, in memory of their own. `.machine` when there is none.
    convenience init(copying other: any WeightStore) throws(LensError) {
        try self.init(other.configuration)
        for description in descriptions { unsafe other.read(description.name, into: self[description.name].elements) }
    }

    /// Bytes of one store of this shape.
    package static func byteCount(_ configuration: ModelConfiguration) -> Int {
        byteCount(configuration.parameters)
    }

    static func byteCount(_ descriptions: [ParameterDescription]) -> Int {
        descriptions.reduce(0) { $0 + paddedCount($1) } * MemoryLayout<Float>.stride
    }

    /// The checksum of all values, for telling one set of them from another.
    package func addChecksum(to sum: inout Checksum) { unsafe sum.update(UnsafeRawBufferPointer(all.elements)) }

    // Every tensor starts on a cache line; the elements between are and stay 0.
    private static func paddedCount(_ description: ParameterDescription) -> Int { (description.count + 15) / 16 * 16 }

    /// Where the tensor's elements lie in `all`.
    package func range(of name: String) -> Range<Int>? {
        starts[name].map { $0.start..<$0.start + descriptions[$0.index].count }
    }

    /// The tensor of this name: dimension 0 as rows, a vector as one row. Asking for one that the model lacks is a
    /// programmer's error.
    package subscript(name: String) -> Matrix {
        guard let (index, start) = starts[name] else { preconditionFailure("no parameter \(name)") }
        let shape = descriptions[index].shape
        let columns = shape.last ?? 1
        return all.columns(start..<start + descriptions[index].count)
            .reshaped(rows: descriptions[index].count / columns, columns: columns)
    }

    /// The name of the tensor that holds element `position` of `all`.
    package func name(at position: Int) -> String {
        var start = 0
        for description in descriptions {
            start += Self.paddedCount(description)
            if position < start { return description.name }
        }
        preconditionFailure("no parameter at \(position)")
    }
}
