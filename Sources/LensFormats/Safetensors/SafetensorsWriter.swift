import LensSupport

/// Writes a safetensors file in one pass: the shapes are known up front, the elements come tensor by tensor.
///
/// The file appears when `commit` succeeds; an abandoned writer leaves nothing behind.
package final class SafetensorsWriter {
    /// The order in which the elements must come: wide types first, which keeps every tensor aligned, then by name.
    package let order: [SafetensorsDescription]
    private let file: AtomicFile
    private var index = 0
    private var writtenBytes = 0

    /// Begins the file at `path`. Names must be unique and not `__metadata__`.
    ///
    /// - Parameter observer: given all bytes of the file in their order.
    package init(
        path: String, tensors: [SafetensorsDescription], metadata: [String: String] = [:],
        observer: (any WriteObserver)? = nil
    ) throws(LensError) {
        order = SafetensorsWriter.ordered(tensors)
        file = try AtomicFile(path: path)
        file.observer = observer
        try file.write(SafetensorsWriter.header(order, metadata))
        skipEmpty()
    }

    static func ordered(_ tensors: [SafetensorsDescription]) -> [SafetensorsDescription] {
        tensors.sorted { ($1.dataType.size, $0.name) < ($0.dataType.size, $1.name) }
    }

    /// Appends elements of the next tensor in order, all of them or some; the bytes are little-endian.
    @unsafe
    package func write(_ name: String, _ bytes: UnsafeRawBufferPointer) throws(LensError) {
        if unsafe bytes.isEmpty { return }
        precondition(index < order.count && order[index].name == name, "tensors must come in the order of `order`")
        writtenBytes += bytes.count
        precondition(writtenBytes <= order[index].byteCount, "more elements than the shape has")
        try unsafe file.write(bytes)
        if writtenBytes == order[index].byteCount {
            index += 1
            writtenBytes = 0
            skipEmpty()
        }
    }

    /// Appends elements of the next tensor in order; their size must be the data type's.
    package func write<Element: BitwiseCopyable>(_ name: String, _ elements: [Element]) throws(LensError) {
        precondition(
            elements.isEmpty || index >= order.count || order[index].dataType.size == MemoryLayout<Element>.stride,
            "elements of another type than described")
        let result: Result<Void, LensError> = unsafe elements.withUnsafeBytes { bytes in
            Result { () throws(LensError) in try unsafe write(name, bytes) }
        }
        try result.get()
    }

    /// Completes the file. All elements must have come.
    package func commit() throws(LensError) {
        precondition(index == order.count, "elements are missing")
        try file.commit()
    }

    private func skipEmpty() { while index < order.count && order[index].byteCount == 0 { index += 1 } }

    /// Size and JSON header, padded with spaces to a multiple of 8 bytes.
    private static func header(_ order: [SafetensorsDescription], _ metadata: [String: String]) -> [UInt8] {
        var members: [(String, JSONValue)] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }
            members.append(("__metadata__", JSONValue(pairs)))
        }
        var offset = 0
        for tensor in order {
            let end = offset + tensor.byteCount
            let entry: JSONValue = [
                "dtype": JSONValue(tensor.dataType.rawValue), "shape": .array(tensor.shape.map(JSONValue.integer)),
                "data_offsets": [.integer(offset), .integer(end)],
            ]
            members.append((tensor.name, entry))
            offset = end
        }
        precondition(Set(members.map(\.0)).count == members.count, "each name once, and none is __metadata__")
        var text = JSONValue(members).compactText
        text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
        return [UInt8](littleEndian: UInt64(text.count)) + text
    }
}
