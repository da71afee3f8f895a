import LensFormats
import LensKernels
import LensSupport

/// The weights of a model for inference: quantized and 16-bit matrices stay as the mapped file stores them, with a copy
/// packed for products or without; everything else is fp32.
package final class MappedWeights: WeightStore {
    package let layout: WeightLayout
    private let stored: [String: StoredMatrix]
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
        var stored: [String: StoredMatrix] = [:]
        var offset = 0
        for description in layout.storedParameters {
            try check()
            let name = description.name
            guard let matrix = try source.stored(name) else { preconditionFailure("the layout is another file's") }
            if let block = matrix.firstBadBlock { throw Self.notFinite(block, of: matrix, name, source.path) }
            stored[name] =
                try copy.map { (copy) throws(LensError) in
                    try matrix.packed(into: copy, at: offset, on: runtime)
                } ?? matrix
            if layout.isPacked { source.releasePages() }
            offset += StoredMatrix.packedByteCount(matrix.type, rows: matrix.rows, columns: matrix.columns)
        }
        self.stored = stored
        others = try ParameterStore(
            reading: source, as: layout.configuration, only: layout.otherParameters, on: runtime, check: check)
    }

    private static func notFinite(_ block: Int, of matrix: StoredMatrix, _ name: String, _ path: String) -> LensError {
        let size = matrix.type.blockElements
        let what =
            size == 1
            ? "value that is not finite (element \(block))"
            : "scale that is not finite (block \(block) of its \(matrix.rows * matrix.columns / size), each of \(size) "
                + "elements in \(matrix.type.name))"
        return .data(
            "\(path): tensor \(name) holds a \(what). The file is damaged, or the training that made it diverged.")
    }

    package func weights(_ name: String) -> Weights { stored[name].map(Weights.stored) ?? .f32(others[name]) }

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
