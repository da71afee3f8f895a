import LensKernels
import LensSupport

/// A tensor of a safetensors file.
package struct SafetensorsTensor: Equatable, Sendable {
    package let dataType: SafetensorsDataType
    /// Outermost dimension first; empty for a single number.
    package let shape: [Int]
    /// Where its bytes are in the file.
    package let byteRange: Range<Int>

    /// Number of elements.
    package var count: Int { byteRange.count / dataType.size }
}

/// An opened safetensors file: named tensors in a read-only mapping or copy.
///
/// Opening reads the header only, and refuses what the format's reference implementation refuses: a header that does
/// not fit, unknown types, sizes that do not match their shapes, tensors that overlap or leave holes, bytes after the
/// last one.
@safe
package final class SafetensorsFile: Sendable {
    package let path: String
    /// Names of the tensors in the order of their bytes.
    package let names: [String]
    package let tensors: [String: SafetensorsTensor]
    package let metadata: [String: String]
    private let file: MappedFile

    /// The reference implementation's limit of the header.
    static let headerLimit = 100_000_000

    /// Opens and checks the file at `path`; `.missing`, `.io`, or `.data` where it is no valid safetensors file.
    package init(path: String, access: FileAccess = .mapped) throws(LensError) {
        self.path = path
        file = try MappedFile(path: path, access: access)
        if file.count < 8, let error = ForeignFile.error(file) { throw error }
        var cursor = ByteCursor(file)
        let size = try cursor.integer(UInt64.self, "the size of the header")
        guard size <= SafetensorsFile.headerLimit else {
            throw ForeignFile.error(file)
                ?? .data("\(path) is not a safetensors file: it announces a header of \(size) bytes.")
        }
        let header = try cursor.bytes(size, "the header")
        guard header.first == UInt8(ascii: "{") else {
            throw ForeignFile.error(file)
                ?? .data("\(path) is not a safetensors file: the header must be a JSON object.")
        }
        var reader = SafetensorsHeaderReader(path: path, dataStart: cursor.offset, fileSize: file.count)
        try reader.read(header)
        names = reader.names
        tensors = reader.tensors
        metadata = reader.metadata
    }

    /// The tensor of this name, which must be there.
    package func tensor(_ name: String) throws(LensError) -> SafetensorsTensor {
        guard let tensor = tensors[name] else { throw .data("\(path) has no tensor `\(name)`.") }
        return tensor
    }

    /// The bytes of a tensor of this file, little-endian and at any alignment. Valid while the file lives.
    @unsafe
    package func bytes(of tensor: SafetensorsTensor) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: file.buffer[tensor.byteRange])
    }

    /// See ``MappedFile/releasePages()``.
    package func releasePages() { file.releasePages() }

    /// Converts the tensor of this name (F32, F16 or BF16) to fp32; `destination` must have its count.
    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        let tensor = try tensor(name)
        guard let type = tensor.dataType.tensorType else {
            throw .data(
                "\(path): the tensor `\(name)` has the type \(tensor.dataType.rawValue); F32, F16 or BF16 is needed.")
        }
        precondition(destination.count == tensor.count, "the destination must have the tensor's size")
        unsafe type.dequantize(bytes(of: tensor), into: destination)
    }
}

/// Checks the header's members and turns them into tensors.
struct SafetensorsHeaderReader {
    let path: String
    let dataStart: Int
    let fileSize: Int
    private(set) var names: [String] = []
    private(set) var tensors: [String: SafetensorsTensor] = [:]
    private(set) var metadata: [String: String] = [:]

    init(path: String, dataStart: Int, fileSize: Int) {
        self.path = path
        self.dataStart = dataStart
        self.fileSize = fileSize
    }

    private func bad(_ problem: String) -> LensError { .data("\(path): \(problem)") }

    /// Reads the header's JSON piece by piece: as a tree it would take many times its size.
    mutating func read(_ header: [UInt8]) throws(LensError) {
        var json = JSONScanner(header, place: path), first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            let name = String(decoding: key, as: UTF8.self)
            if name == "__metadata__" {
                try readMetadata(&json)
            } else if tensors.updateValue(try tensor(name, &json), forKey: name) != nil {
                throw json.error("the tensor `\(name)` is there twice.")
            }
        }
        try json.end()
        try checkCoverage()
    }

    private mutating func readMetadata(_ json: inout JSONScanner) throws(LensError) {
        var first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            let name = String(decoding: key, as: UTF8.self)
            guard json.peek() == UInt8(ascii: "\"") else {
                throw json.error("the metadata value `\(name)` must be a string.")
            }
            metadata[name] = String(decoding: try json.string(), as: UTF8.self)
        }
    }

    private func tensor(_ name: String, _ json: inout JSONScanner) throws(LensError) -> SafetensorsTensor {
        guard json.peek() == UInt8(ascii: "{") else { throw bad("`\(name)` in the header must be an object.") }
        var typeName: String?, shape: [Int]?, offsets: [Int]?, first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            switch String(decoding: key, as: UTF8.self) {
            case "dtype":
                guard json.peek() == UInt8(ascii: "\"") else { throw bad("the tensor `\(name)` has no `dtype`.") }
                typeName = String(decoding: try json.string(), as: UTF8.self)
            case "shape": shape = try integers(name, "shape", &json)
            case "data_offsets": offsets = try integers(name, "data_offsets", &json)
            default: try json.skip(depth: 2)
            }
        }
        guard let typeName else { throw bad("the tensor `\(name)` has no `dtype`.") }
        guard let type = SafetensorsDataType(rawValue: typeName) else {
            throw bad("the tensor `\(name)` has the type \(typeName.prefix(40)), which is not supported.")
        }
        guard let shape else { throw bad("the tensor `\(name)` has no list `shape`.") }
        guard let offsets else { throw bad("the tensor `\(name)` has no list `data_offsets`.") }
        guard offsets.count == 2, offsets[0] <= offsets[1], offsets[1] <= fileSize - dataStart else {
            throw bad(
                "the tensor `\(name)` should lie at \(offsets) of the data, which has \(fileSize - dataStart) bytes; "
                    + "the file is cut short or damaged. Fetch it again.")
        }
        guard let bytes = checkedProduct(shape + [type.size]), bytes == offsets[1] - offsets[0] else {
            throw bad(
                "the tensor `\(name)` of type \(typeName) and shape \(shape) does not fit its "
                    + "\(offsets[1] - offsets[0]) bytes.")
        }
        return SafetensorsTensor(
            dataType: type, shape: shape, byteRange: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    /// More dimensions than any library makes.
    private static let rankLimit = 64

    private func integers(_ name: String, _ key: String, _ json: inout JSONScanner) throws(LensError) -> [Int] {
        guard json.peek() == UInt8(ascii: "[") else { throw bad("the tensor `\(name)` has no list `\(key)`.") }
        var integers: [Int] = [], first = true
        try json.beginArray()
        while try json.nextElement(&first) {
            guard integers.count < SafetensorsHeaderReader.rankLimit else {
                throw bad(
                    "`\(key)` of the tensor `\(name)` has more than \(SafetensorsHeaderReader.rankLimit) numbers.")
            }
            integers.append(try json.integer("`\(key)` of the tensor `\(name)`", in: 0...Int.max))
        }
        return integers
    }

    /// Every byte of the data belongs to exactly one tensor.
    private mutating func checkCoverage() throws(LensError) {
        let sorted = tensors.sorted {
            ($0.value.byteRange.lowerBound, $0.value.byteRange.upperBound, $0.key)
                < ($1.value.byteRange.lowerBound, $1.value.byteRange.upperBound, $1.key)
        }
        var end = dataStart
        for (name, tensor) in sorted {
            guard tensor.byteRange.lowerBound == end else {
                throw bad("the tensor `\(name)` overlaps another one or leaves a hole; the file is damaged.")
            }
            end = tensor.byteRange.upperBound
        }
        guard end == fileSize else {
            throw bad("\(fileSize - end) bytes at the end of the file belong to no tensor; the file is damaged.")
        }
        names = sorted.map(\.key)
    }
}
