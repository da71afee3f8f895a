import LensKernels
import LongLens

extension Target {
    /// The blocks of a quantized matrix, after one byte that is the type and one that says whether its rows are interleaved.
    static let blocks = Target(
        name: "blocks",
        seeds: {
            quantizedTypes.indices.map { index in
                let bytes = (0..<3 * quantizedTypes[index].blockBytes).map { UInt8(truncatingIfNeeded: 37 * $0) }
                return [UInt8(index), 0] + bytes
            }
        },
        run: { input, _ in
            guard input.count > 2 else { return }
            let type = quantizedTypes[Int(input[0]) % quantizedTypes.count]
            let headSize = input[1] % 2 == 0 ? 0 : 2
            var rows = min((input.count - 2) / type.blockBytes, 40)
            if headSize > 0 { rows -= rows % headSize }
            guard rows > 0 else { return }
            try multiply(type, rows: rows, headSize: headSize, blocks: input[2..<2 + rows * type.blockBytes])
        })
}

private let quantizedTypes = TensorType.allCases.filter { $0.blockElements > 1 }

/// Decodes the rows, and multiplies a vector with them, packed and as they are.
private func multiply(_ type: TensorType, rows: Int, headSize: Int, blocks: ArraySlice<UInt8>) throws {
    let stored = try AlignedBuffer(byteCount: blocks.count)
    let bytes = UnsafeMutableRawBufferPointer(start: stored.start, count: blocks.count)
    bytes.copyBytes(from: blocks)
    let matrix = StoredMatrix(
        type, rows: rows, columns: type.blockElements, headSize: headSize, blocks: UnsafeRawBufferPointer(bytes),
        owner: stored)
    let decoded = try Matrix(rows: rows, columns: matrix.columns)
    matrix.read(into: decoded.elements)
    // Others are refused before.
    guard type.products != nil, matrix.firstBadBlock == nil else { return }
    precondition(decoded.elements.allSatisfy(\.isFinite), "finite scales made no numbers")
    let copy = try AlignedBuffer(
        byteCount: StoredMatrix.packedByteCount(type, rows: rows, columns: matrix.columns))
    let input = try Matrix(rows: 1, columns: matrix.columns)
    for column in 0..<input.columns { input.elements[column] = Float(column % 7) - 3 }
    let products = try [matrix, matrix.packed(into: copy, at: 0, on: .shared)].map { weights in
        let output = try Matrix(rows: 1, columns: rows)
        try Runtime.shared.multiply(input, .stored(weights), into: output)
        return output.array
    }
    precondition(products[0] == products[1] && products[0].allSatisfy(\.isFinite), "packing changed a product")
}
