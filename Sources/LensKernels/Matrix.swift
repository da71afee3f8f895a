import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A row-major fp32 matrix in an aligned buffer: a view, which keeps its buffer alive. Copies share the elements.
///
/// A vector is a matrix of one row.
package struct Matrix {
    package let rows: Int
    package let columns: Int
    private let buffer: AlignedBuffer
    private let offset: Int

    /// The view of `rows` x `columns` elements that starts `offset` elements into `buffer`.
    package init(_ buffer: AlignedBuffer, offset: Int = 0, rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0 && offset >= 0)
        precondition(
            (offset + rows * columns) * MemoryLayout<Float>.stride <= buffer.byteCount || buffer === Self.nothing,
            "view past its buffer")
        self.buffer = buffer
        self.offset = offset
        self.rows = rows
        self.columns = columns
    }

    /// A shape without elements, for planning. Touching its elements is a programmer's error.
    package init(unbackedRows rows: Int, columns: Int) {
        buffer = Self.nothing
        offset = 0
        self.rows = rows
        self.columns = columns
    }

    private static let nothing = AlignedBuffer.empty

    /// A matrix of zeros in a buffer of its own.
    package init(rows: Int, columns: Int) throws(LensError) {
        let byteCount = saturatingProduct(rows, columns, MemoryLayout<Float>.stride)
        self.init(try AlignedBuffer(byteCount: byteCount), rows: rows, columns: columns)
    }

    /// A matrix with the given elements in a buffer of its own.
    package init(rows: Int, columns: Int, _ elements: [Float]) throws(LensError) {
        precondition(elements.count == rows * columns)
        try self.init(rows: rows, columns: columns)
        unsafe pointer.update(from: elements, count: elements.count)
    }

    /// True when both are views of the same elements in the same shape.
    package func isSame(as other: Matrix) -> Bool {
        buffer === other.buffer && offset == other.offset && rows == other.rows && columns == other.columns
    }

    package var count: Int { rows * columns }

    /// The first element, for C. Valid while the matrix lives.
    @unsafe package var pointer: UnsafeMutablePointer<Float> {
        precondition(buffer !== Self.nothing || count == 0, "a planned matrix has no elements")
        return unsafe buffer.start.assumingMemoryBound(to: Float.self) + offset
    }

    /// All elements in order, for C and bulk copies. Valid while the matrix lives.
    @unsafe package var elements: UnsafeMutableBufferPointer<Float> {
        unsafe UnsafeMutableBufferPointer(start: pointer, count: count)
    }

    /// The view of the rows in `range`.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        return Matrix(buffer, offset: offset + range.lowerBound * columns, rows: range.count, columns: columns)
    }

    /// The elements in `range` of a matrix of one row.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(rows == 1 && range.lowerBound >= 0 && range.upperBound <= columns)
        return Matrix(buffer, offset: offset + range.lowerBound, rows: 1, columns: range.count)
    }

    /// The same elements as `rows` x `columns`; the count must agree.
    package func reshaped(rows: Int, columns: Int) -> Matrix {
        precondition(rows * columns == count)
        return Matrix(buffer, offset: offset, rows: rows, columns: columns)
    }

    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            return unsafe pointer[row * columns + column]
        }
        nonmutating set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns)
            unsafe pointer[row * columns + column] = newValue
        }
    }

    /// A copy of the elements.
    package var array: [Float] { unsafe Array(elements) }

    package func fill(_ value: Float) { unsafe elements.update(repeating: value) }

    package func copy(from other: Matrix) {
        precondition(other.count == count)
        unsafe pointer.update(from: other.pointer, count: count)
    }
}

extension Matrix {
    /// Fills with normally distributed numbers of mean 0 (polar method of Marsaglia).
    package func fillNormal(deviation: Double, generator: inout SeededGenerator) {
        var index = 0
        let elements = unsafe elements
        while index < elements.count {
            let x = generator.unit() * 2 - 1
            let y = generator.unit() * 2 - 1
            let square = x * x + y * y
            guard square > 0, square < 1 else { continue }
            let factor = deviation * (-2 * log(square) / square).squareRoot()
            unsafe elements[index] = Float(x * factor)
            if index + 1 < elements.count { unsafe elements[index + 1] = Float(y * factor) }
            index += 2
        }
    }
}
