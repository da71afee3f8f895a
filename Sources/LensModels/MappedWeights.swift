import LensFormats
import LensKernels
import LensSupport

/// The weights of a model for inference: quantized matrices stay as the mapped file stores them, with a copy packed for
/// products or without; everything else is fp32.
package final class MappedWeights: WeightStore {
    package let layout: WeightLayout
    private let stored: [String: QuantizedMatrix]
    private let others: ParameterStore
    private let source: any ModelSource

    package var configuration: ModelConfiguration { layout.configuration }

    /// - Parameter check: called before each tensor is read; what it throws ends the reading.
    /// - Throws: `LensError`: `.data` (a value or a block's scale that is not finite), `.machine` (no memory).
    init(
        reading source: any ModelSource, _ layout: WeightLayout, on runtime: Runtime,
        check: () throws(LensError) -> Void
    ) throws(LensError) {
        self.layout = layout
        self.source = source
        let copy = layout.isPacked ? try AlignedBuffer(byteCount: layout.packedByteCount) : nil
        var stored: [String: QuantizedMatrix] = [:]
        var offset = 0
        for description in layout.storedParameters {
            try check()
            let name = description.name
            guard let matrix = try source.quantized(name) else { preconditionFailure("the layout is another file's") }
            if let block = matrix.firstBadBlock {
                let size = matrix.type.blockElements
                throw .data(
                    "\(source.path): tensor \(name) holds a scale that is not finite (block \(block) of its "
                        + "\(matrix.rows * matrix.columns / size), each of \(size) elements in \(matrix.type.name)). The "
                        + "file is damaged, or the training that made it diverged.")
            }
            stored[name] =
                try copy.map { (copy) throws(LensError) in
                    try matrix.packed(into: copy, at: offset, on: runtime)
                } ?? matrix
            if layout.isPacked { source.releasePages() }
            offset += QuantizedMatrix.packedByteCount(rows: matrix.rows, columns: matrix.columns)
        }
        self.stored = stored
        others = try ParameterStore(
            reading: source, as: layout.configuration, only: layout.otherParameters, on: runtime, check: check)
    }

    package func weights(_ name: String) -> Weights { stored[name].map(Weights.quantized) ?? .f32(others[name]) }

    package subscript(name: String) -> Matrix { others[name] }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) {
        guard let matrix = stored[name] else { return unsafe others.read(name, into: destination) }
        unsafe matrix.read(into: destination)
    }

    package func addChecksum(to sum: inout Checksum) {
        for description in layout.storedParameters {
            guard let matrix = stored[description.name] else { continue }
            sum.update("\(description.name) \(matrix.type.name) \(matrix.headSize)")
            unsafe sum.update(matrix.bytes)
        }
        others.addChecksum(to: &sum)
        // Of the file, products need nothing more.
        if layout.isPacked { source.releasePages() }
    }
}
