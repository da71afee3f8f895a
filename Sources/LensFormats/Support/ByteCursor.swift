import LensSupport

/// Reads little-endian values of a mapped file one after the other, and never past its end.
@safe
struct ByteCursor {
    let file: MappedFile
    private(set) var offset = 0

    init(_ file: MappedFile) { self.file = file }

    var remaining: Int { file.count - offset }

    /// The next integer; `what` names it in the error of a file that ends before it.
    mutating func integer<Value: FixedWidthInteger>(_: Value.Type, _ what: String) throws(LensError) -> Value {
        let size = MemoryLayout<Value>.size
        try need(UInt64(size), what)
        var value: Value = 0
        unsafe withUnsafeMutableBytes(of: &value) { destination in
            unsafe destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.buffer[offset..<offset + size]))
        }
        offset += size
        return Value(littleEndian: value)
    }

    mutating func bytes(_ count: UInt64, _ what: String) throws(LensError) -> [UInt8] {
        try need(count, what)
        let end = offset + Int(count)
        defer { offset = end }
        return unsafe Array(file.buffer[offset..<end])
    }

    /// An array of fixed-size elements in one copy.
    mutating func elements<Element: BitwiseCopyable>(
        _: Element.Type, _ count: UInt64, zero: Element, _ what: String
    ) throws(LensError) -> [Element] {
        let (size, overflow) = count.multipliedReportingOverflow(by: UInt64(MemoryLayout<Element>.stride))
        try need(overflow ? .max : size, what)
        let end = offset + Int(size)
        defer { offset = end }
        var list = [Element](repeating: zero, count: Int(count))
        unsafe list.withUnsafeMutableBytes { destination in
            unsafe destination.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.buffer[offset..<end]))
        }
        return list
    }

    /// Throws unless the file holds `count` more bytes.
    func need(_ count: UInt64, _ what: String) throws(LensError) {
        guard count <= UInt64(remaining) else {
            throw .data(
                "\(file.path) is damaged or cut short: \(what) at offset \(offset) needs \(count) bytes, "
                    + "but only \(remaining) are left. Fetch or convert the file again.")
        }
    }
}
