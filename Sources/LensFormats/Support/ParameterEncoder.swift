import LensKernels
import LensSupport

/// Reads parameters as fp32 and hands them on, piece by piece, as bytes of a stored type.
@safe
struct ParameterEncoder {
    private let read: ParameterReader
    private let runtime: Runtime
    /// The file or folder that is written, for messages.
    let path: String
    private let elements: AlignedBuffer
    private let bytes: AlignedBuffer

    /// Conversion goes in pieces of about this many elements.
    private static let pieceElements = 1 << 20
    private static let largestHalf: Float = 65504

    /// Has room for the largest of the parameters.
    init(
        _ parameters: [ParameterDescription], path: String, on runtime: Runtime, read: @escaping ParameterReader
    ) throws(LensError) {
        unsafe self.read = read
        self.runtime = runtime
        self.path = path
        let largest = parameters.map(\.count).max() ?? 0
        let longestRow = parameters.map { $0.shape.last ?? 1 }.max() ?? 1
        elements = try AlignedBuffer(byteCount: largest * 4)
        bytes = try AlignedBuffer(byteCount: max(longestRow, min(largest, ParameterEncoder.pieceElements)) * 4)
    }

    /// Converts one parameter to `type`, rows in the interleaved rotary order where `headDimension` is given.
    func encode(
        _ parameter: ParameterDescription, as type: TensorType, interleaving headDimension: Int? = nil,
        write: (UnsafeRawBufferPointer) throws(LensError) -> Void
    ) throws(LensError) {
        let source = unsafe UnsafeMutableBufferPointer(
            start: elements.start.assumingMemoryBound(to: Float.self), count: parameter.count)
        try unsafe read(parameter.name, source)
        try unsafe check(UnsafeBufferPointer(source), parameter.name, type)
        let columns = parameter.shape.count == 2 ? parameter.shape[1] : 1
        let rows = parameter.count / columns
        let step = max(1, min(rows, ParameterEncoder.pieceElements / columns))
        guard let rowBytes = type.byteCount(of: columns) else { preconditionFailure("rows must be whole blocks") }
        for first in stride(from: 0, to: rows, by: step) {
            let count = min(step, rows - first)
            let piece = unsafe UnsafeMutableRawBufferPointer(start: bytes.start, count: count * rowBytes)
            let order = (first..<first + count).map { row in
                headDimension.map { RotaryLayout.halvesRow(ofInterleaved: row, headDimension: $0) } ?? row
            }
            try unsafe runtime.quantize(
                UnsafeBufferPointer(source), rows: order, columns: columns, as: type, into: piece)
            try unsafe write(UnsafeRawBufferPointer(piece))
        }
    }

    /// A number that the type cannot hold would silently become infinite or zero.
    private func check(
        _ elements: UnsafeBufferPointer<Float>, _ name: String, _ type: TensorType
    ) throws(LensError) {
        let needsHalf = type != .f32 && type != .bf16
        let limit = needsHalf ? ParameterEncoder.largestHalf : .greatestFiniteMagnitude
        var outside = 0
        for index in elements.indices { outside += unsafe abs(elements[index]) <= limit ? 0 : 1 }
        guard outside > 0 else { return }
        throw .data(
            "\(path): \(outside) elements of `\(name)` are not finite or too large for \(type.name)"
                + (needsHalf ? " (at most 65504); write the model as bf16 or f32." : "."))
    }
}
