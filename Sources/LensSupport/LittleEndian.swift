// Integers as bytes, the lowest first: the order of every binary format that is read or written here.

extension [UInt8] {
    /// The bytes of an integer.
    package init(littleEndian value: some FixedWidthInteger) {
        self = []
        appendLittleEndian(value)
    }

    package mutating func appendLittleEndian<Value: FixedWidthInteger>(_ value: Value) {
        for byte in 0..<MemoryLayout<Value>.size { append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }

    /// The integer whose bytes begin at `offset`; all of them must be there.
    package func littleEndian<Value: FixedWidthInteger>(_: Value.Type, at offset: Int) -> Value {
        (0..<MemoryLayout<Value>.size).reduce(0) { $0 | Value(truncatingIfNeeded: self[offset + $1]) << (8 * $1) }
    }
}
