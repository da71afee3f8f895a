import CLongLens
import LensSupport

/// A matrix [rows, columns] of a type that products compute with, as a model file stores it: a view of the mapped file,
/// which it keeps alive.
@safe
package struct StoredMatrix: @unchecked Sendable {
    package let type: TensorType
    package let rows: Int
    package let columns: Int
    /// Not 0: the file has the rows in the interleaved rotary order inside heads of so many.
    package let headSize: Int
    // Nil where there is a shape alone, for planning.
    private let blocks: UnsafeRawPointer?
    private let owner: AnyObject?
    /// What products compute with, in an order of their own.
    private var packed: (buffer: AlignedBuffer, offset: Int)?

    /// - Parameters:
    ///   - blocks: row after row, whole blocks, nothing beside; valid while `owner` lives, and never changed.
    ///   - headSize: see the property.
    package init(
        _ type: TensorType, rows: Int, columns: Int, headSize: Int = 0, blocks: UnsafeRawBufferPointer,
        owner: AnyObject
    ) {
        precondition(columns.isMultiple(of: type.blockElements), "rows are whole blocks")
        precondition(type.byteCount(of: rows * columns) == blocks.count, "bytes do not match the elements")
        precondition(headSize == 0 || rows.isMultiple(of: headSize) && headSize.isMultiple(of: 2))
        self.type = type
        (self.rows, self.columns, self.headSize) = (rows, columns, headSize)
        unsafe self.blocks = blocks.baseAddress
        self.owner = owner
    }

    /// A shape without elements, for planning. Touching its elements is a programmer's error.
    package init(unbacked type: TensorType, rows: Int, columns: Int) {
        self.type = type
        (self.rows, self.columns, headSize) = (rows, columns, 0)
        unsafe blocks = nil
        owner = nil
    }

    private var start: UnsafeRawPointer {
        guard let blocks = unsafe blocks else { preconditionFailure("a planned matrix has no elements") }
        return unsafe blocks
    }

    /// Bytes of all rows as the file has them.
    package var byteCount: Int { rows * rowByteCount }
    private var rowByteCount: Int { columns / type.blockElements * type.blockBytes }

    /// The stored bytes, rows in the file's order. Valid while the matrix lives.
    @unsafe package var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
    }

    /// Row `row` as fp32, `columns` elements.
    @unsafe
    package func read(row: Int, into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(row >= 0 && row < rows && destination.count == columns)
        let source = unsafe UnsafeRawBufferPointer(
            start: start + lens_weights_stored_row(headSize, row) * rowByteCount, count: rowByteCount)
        unsafe type.dequantize(source, into: destination)
    }

    /// All rows as fp32.
    @unsafe
    package func read(into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(destination.count == rows * columns)
        for row in 0..<rows {
            unsafe read(
                row: row,
                into: UnsafeMutableBufferPointer(rebasing: destination[row * columns..<(row + 1) * columns]))
        }
    }

    /// The first block, in the file's order, with a scale that is infinite or not a number; nil where there is none. Of
    /// types of 16 bits every element is a block.
    package var firstBadBlock: Int? {
        if type.products == .bf16 { return firstNonFinite(exponent: type == .f16 ? 0x7C00 : 0x7F80) }
        let (size, offsets) = (type.blockBytes, type.halfScaleOffsets)
        let bytes = unsafe bytes
        for block in 0..<bytes.count / size {
            for offset in offsets {
                let half = unsafe bytes.loadUnaligned(fromByteOffset: block * size + offset, as: UInt16.self)
                if UInt16(littleEndian: half) & 0x7C00 == 0x7C00 { return block }
            }
        }
        return nil
    }

    /// The first of the numbers of 16 bits whose bits of `exponent` are all set.
    private func firstNonFinite(exponent: UInt16) -> Int? {
        let count = rows * columns, piece = 4096, start = unsafe start
        func isBad(_ index: Int) -> Bool {
            let number = unsafe start.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
            return UInt16(littleEndian: number) & exponent == exponent
        }
        for first in stride(from: 0, to: count, by: piece) {
            let range = first..<min(first + piece, count)
            var any = false
            for index in range { any = isBad(index) || any }
            if any { return range.first(where: isBad) }
        }
        return nil
    }
}

extension StoredMatrix {
    /// Bytes of a packed copy, in whole cache lines.
    package static func packedByteCount(_ type: TensorType, rows: Int, columns: Int) -> Int {
        type.products == .bf16 ? lens_packed_bf16_bytes(rows, columns) : lens_packed_weights_bytes(rows, columns)
    }

    /// The same matrix with a copy as products want it, written at `offset` of `buffer`, a whole number of cache lines.
    package func packed(into buffer: AlignedBuffer, at offset: Int, on runtime: Runtime) throws(LensError) -> Self {
        let count = Self.packedByteCount(type, rows: rows, columns: columns)
        precondition(offset.isMultiple(of: 64) && offset + count <= buffer.byteCount, "packed past the buffer")
        try unsafe runtime.run { context in
            unsafe withDescription { weights in
                unsafe type.products == .bf16
                    ? lens_pack_bf16(context, weights, buffer.start + offset)
                    : lens_pack_weights(context, weights, buffer.start + offset)
            }
        }
        var result = self
        result.packed = (buffer, offset)
        return result
    }

    /// For C.
    @unsafe var description: lens_weights {
        let packed = unsafe packed.map { unsafe UnsafeRawPointer($0.buffer.start + $0.offset) }
        return unsafe lens_weights(
            type: lens_type(UInt32(type.rawValue)), N: rows, K: columns, blocks: start, head_size: headSize,
            packed: packed)
    }

    func withDescription<Result>(_ body: (UnsafePointer<lens_weights>) -> Result) -> Result {
        unsafe withUnsafePointer(to: description) { unsafe body($0) }
    }
}

extension StoredMatrix {
    /// Normal numbers in a writable type, packed: to be measured with. `.machine` when there is no memory.
    package init(normal type: TensorType, rows: Int, columns: Int, on runtime: Runtime) throws(LensError) {
        let values = try Matrix(rows: rows, columns: columns)
        var generator = SeededGenerator(seed: 1)
        values.fillNormal(deviation: 0.05, generator: &generator)
        let buffer = try AlignedBuffer(byteCount: rows * columns / type.blockElements * type.blockBytes)
        let bytes = unsafe UnsafeMutableRawBufferPointer(
            start: buffer.start, count: rows * columns / type.blockElements * type.blockBytes)
        unsafe type.quantize(UnsafeBufferPointer(values.elements), into: bytes)
        let copy = try AlignedBuffer(byteCount: Self.packedByteCount(type, rows: rows, columns: columns))
        self = try unsafe StoredMatrix(
            type, rows: rows, columns: columns, blocks: UnsafeRawBufferPointer(bytes), owner: buffer
        ).packed(into: copy, at: 0, on: runtime)
    }
}

/// How products compute with weights as a file stores them, without making them fp32 beforehand.
package enum StoredProducts: CaseIterable, Sendable {
    /// Of 8-bit integers, with their scales.
    case int8
    /// Of bf16.
    case bf16
}

extension TensorType {
    /// The products that the type has; nil where its weights become fp32.
    package var products: StoredProducts? {
        if self == .f16 || self == .bf16 { return .bf16 }
        return lens_weights_computed(CInt(rawValue)) && !halfScaleOffsets.isEmpty ? .int8 : nil
    }

    /// Where a block has its fp16 scales (and minima), in bytes.
    package var halfScaleOffsets: [Int] {
        switch self {
        case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS, .iq3_S: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        case .tq1_0: [52]
        case .tq2_0: [64]
        case .f32, .f16, .bf16, .mxfp4: []
        }
    }
}
