import LensKernels
import LensSupport

/// A tensor of a GGUF file.
package struct GGUFTensor: Equatable, Sendable {
    package let name: String
    package let type: TensorType
    /// Outermost dimension first, as PyTorch prints it: the reverse of the order in the file.
    package let shape: [Int]
    /// Where its bytes are in its file.
    package let byteRange: Range<Int>
    /// Which of the files of a split model holds it, from 0.
    package internal(set) var part = 0

    /// Number of elements.
    package var count: Int { shape.reduce(1, *) }
}

/// Reads and checks all of a GGUF file before its tensor data.
struct GGUFHeaderReader {
    private(set) var version: UInt32 = 0
    private(set) var metadata = GGUFMetadata()
    private(set) var keys: [String] = []
    /// Where the type and the value of each key are in the file.
    private(set) var valueRanges: [Range<Int>] = []
    private(set) var tensors: [GGUFTensor] = []
    private(set) var indices: [String: Int] = [:]

    private var cursor: ByteCursor
    private var path: String { cursor.file.path }

    /// Arrays of arrays deeper than this have no use in models.
    private static let depthLimit = 4
    /// What no model has use for, so that a hostile file takes no more memory than its size suggests: bytes of metadata;
    /// keys, and tensors; strings in all arrays, and arrays in arrays.
    private static let metadataLimit = 1 << 29
    private static let pairLimit: UInt64 = 1 << 16, tensorLimit: UInt64 = 1 << 17
    private static let stringLimit = 1 << 22, innerArrayLimit = 1 << 16
    private static let defaultAlignment = 32
    private static let alignmentLimit = 1 << 20
    private static let maximumRank: UInt32 = 4
    /// The least bytes of a metadata pair (empty key, one byte) and of a tensor's description (one dimension).
    private static let leastPairBytes: UInt64 = 13
    private static let leastTensorBytes: UInt64 = 32

    private var stringCount = 0, innerArrayCount = 0

    init(_ file: MappedFile) { cursor = ByteCursor(file) }

    private func bad(_ problem: String) -> LensError { .data("\(path): \(problem)") }

    mutating func read() throws(LensError) {
        guard try cursor.bytes(4, "the magic number") == Array("GGUF".utf8) else {
            throw ForeignFile.error(cursor.file)
                ?? bad("this is not a GGUF file; its first four bytes must be \"GGUF\". Fetch it again.")
        }
        version = try cursor.integer(UInt32.self, "the version")
        guard version != 0, version & 0xFFFF != 0 else {
            throw bad("this GGUF file is for big-endian machines; convert the model again without that option.")
        }
        guard version == 2 || version == 3 else {
            throw bad("GGUF version \(version) is not supported; convert the model again to version 3.")
        }
        let tensorCount = try cursor.integer(UInt64.self, "the number of tensors")
        let pairCount = try cursor.integer(UInt64.self, "the number of metadata pairs")
        try check(pairCount, times: GGUFHeaderReader.leastPairBytes, "metadata pairs", GGUFHeaderReader.pairLimit)
        for _ in 0..<pairCount { try readPair() }
        try check(tensorCount, times: GGUFHeaderReader.leastTensorBytes, "tensors", GGUFHeaderReader.tensorLimit)
        try readTensors(count: Int(tensorCount))
    }

    /// Refuses a count that the rest of the file cannot hold, before anything is allocated for it.
    private func check(
        _ count: UInt64, times size: UInt64, _ what: String, _ limit: UInt64 = .max
    ) throws(LensError) {
        let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow, bytes <= UInt64(cursor.remaining) else {
            throw bad("the header announces \(count) \(what), more than the file can hold; it is damaged or cut short.")
        }
        guard count <= limit else { throw bad("the header announces \(count) \(what); at most \(limit) are read.") }
    }

    // MARK: Metadata

    private mutating func readString(_ what: String) throws(LensError) -> [UInt8] {
        let count = try cursor.integer(UInt64.self, "the length of \(what)")
        guard count <= GGUFHeaderReader.metadataLimit else {
            throw bad("\(what) announces \(count) bytes, more than any model has use for; the file is damaged.")
        }
        return try cursor.bytes(count, what)
    }

    private mutating func readName(_ what: String) throws(LensError) -> String {
        let start = cursor.offset
        let bytes = try readString(what)
        guard bytes.count <= 65535, let name = String(validating: bytes, as: UTF8.self) else {
            throw bad("\(what) at offset \(start) is not a name: it must be UTF-8 of at most 65535 bytes.")
        }
        return name
    }

    private mutating func readPair() throws(LensError) {
        let key = try readName("a metadata key")
        let start = cursor.offset
        let type = try cursor.integer(UInt32.self, "the type of `\(key)`")
        let value = try readValue(type: type, key: key, depth: 0)
        guard metadata.values.updateValue(value, forKey: key) == nil else {
            throw bad("the metadata key `\(key)` comes twice.")
        }
        keys.append(key)
        valueRanges.append(start..<cursor.offset)
    }

    private mutating func readValue(type: UInt32, key: String, depth: Int) throws(LensError) -> GGUFValue {
        let what = "the value of `\(key)`"
        switch type {
        case 0: return .uint8(try cursor.integer(UInt8.self, what))
        case 1: return .int8(try cursor.integer(Int8.self, what))
        case 2: return .uint16(try cursor.integer(UInt16.self, what))
        case 3: return .int16(try cursor.integer(Int16.self, what))
        case 4: return .uint32(try cursor.integer(UInt32.self, what))
        case 5: return .int32(try cursor.integer(Int32.self, what))
        case 6: return .float32(Float(bitPattern: try cursor.integer(UInt32.self, what)))
        case 7:
            let byte = try cursor.integer(UInt8.self, what)
            guard byte <= 1 else { throw bad("\(what) is a truth value and must be 0 or 1, not \(byte).") }
            return .bool(byte == 1)
        case 8: return .string(try readString(what))
        case 9: return try readArray(key: key, depth: depth)
        case 10: return .uint64(try cursor.integer(UInt64.self, what))
        case 11: return .int64(try cursor.integer(Int64.self, what))
        case 12: return .float64(Double(bitPattern: try cursor.integer(UInt64.self, what)))
        default: throw bad("`\(key)` has the unknown metadata type \(type).")
        }
    }

    private mutating func readArray(key: String, depth: Int) throws(LensError) -> GGUFValue {
        let what = "the elements of `\(key)`"
        guard depth < GGUFHeaderReader.depthLimit else {
            throw bad("`\(key)` nests arrays more than \(GGUFHeaderReader.depthLimit) deep.")
        }
        let type = try cursor.integer(UInt32.self, what)
        let count = try cursor.integer(UInt64.self, what)
        let size = GGUFNumbers.size(type) ?? 8
        try check(count, times: UInt64(size), "elements in `\(key)`")
        let end = cursor.offset + Int(count) * size
        guard end <= GGUFHeaderReader.metadataLimit else {
            throw bad("the metadata has more than \(GGUFHeaderReader.metadataLimit >> 20) MiB at `\(key)`.")
        }
        switch type {
        case 0...4, 7, 10...12:
            let bytes = try cursor.bytes(UInt64(Int(count) * size), what)
            if type == 7, let byte = bytes.first(where: { $0 > 1 }) {
                throw bad("\(what) are truth values and must be 0 or 1, not \(byte).")
            }
            return .numbers(GGUFNumbers(type: type, bytes: bytes))
        case 5: return .int32s(try cursor.elements(Int32.self, count, zero: 0, what))
        case 6: return .float32s(try cursor.elements(Float.self, count, zero: 0, what))
        case 8:
            stringCount += Int(count)
            guard stringCount <= GGUFHeaderReader.stringLimit else {
                throw bad("the metadata holds more than \(GGUFHeaderReader.stringLimit) strings at `\(key)`.")
            }
            var list: [[UInt8]] = []
            list.reserveCapacity(Int(count))
            for _ in 0..<count { list.append(try readString(what)) }
            return .strings(list)
        case 9:
            innerArrayCount += Int(count)
            guard innerArrayCount <= GGUFHeaderReader.innerArrayLimit else {
                throw bad("the metadata holds more than \(GGUFHeaderReader.innerArrayLimit) arrays at `\(key)`.")
            }
            var list: [GGUFValue] = []
            for _ in 0..<count { list.append(try readArray(key: key, depth: depth + 1)) }
            return .array(list)
        default: throw bad("`\(key)` is an array of the unknown type \(type).")
        }
    }

    // MARK: Tensors

    private func alignment() throws(LensError) -> Int {
        guard metadata["general.alignment"] != nil else { return GGUFHeaderReader.defaultAlignment }
        guard let value = metadata.integer("general.alignment"), value > 0, value & (value - 1) == 0,
            value <= GGUFHeaderReader.alignmentLimit
        else {
            throw bad("`general.alignment` must be a power of two of at most \(GGUFHeaderReader.alignmentLimit).")
        }
        return value
    }

    private mutating func readTensors(count: Int) throws(LensError) {
        let alignment = try alignment()
        // Ranges are relative to the data until its start is known.
        var relative: [GGUFTensor] = []
        for _ in 0..<count {
            let tensor = try readTensor(alignment: alignment)
            guard indices.updateValue(relative.count, forKey: tensor.name) == nil else {
                throw bad("the tensor `\(tensor.name)` comes twice.")
            }
            relative.append(tensor)
        }
        if count == 0 { return }
        let start = (cursor.offset + alignment - 1) / alignment * alignment
        for tensor in relative {
            let (end, overflow) = start.addingReportingOverflow(tensor.byteRange.upperBound)
            guard !overflow, end <= cursor.file.count else {
                throw bad(
                    "the tensor `\(tensor.name)` ends past the end of the file (\(cursor.file.count) bytes); "
                        + "the file is cut short or damaged. Fetch it again.")
            }
            let range = start + tensor.byteRange.lowerBound..<end
            tensors.append(GGUFTensor(name: tensor.name, type: tensor.type, shape: tensor.shape, byteRange: range))
        }
        try checkOverlap()
    }

    private mutating func readTensor(alignment: Int) throws(LensError) -> GGUFTensor {
        let name = try readName("a tensor's name")
        let rank = try cursor.integer(UInt32.self, "the rank of `\(name)`")
        guard rank >= 1, rank <= GGUFHeaderReader.maximumRank else {
            throw bad("the tensor `\(name)` has \(rank) dimensions; 1 to \(GGUFHeaderReader.maximumRank) are possible.")
        }
        var shape: [Int] = []
        for _ in 0..<rank {
            let size = try cursor.integer(UInt64.self, "the shape of `\(name)`")
            guard let size = Int(exactly: size), size > 0 else {
                throw bad("a dimension of the tensor `\(name)` is \(size), which is not a possible size.")
            }
            shape.insert(size, at: 0)
        }
        let number = try cursor.integer(UInt32.self, "the type of `\(name)`")
        guard let type = TensorType(rawValue: Int(number)) else {
            let known = TensorType.allCases.map(\.name).joined(separator: ", ")
            throw bad(
                "the tensor `\(name)` has the type \(typeName(number)), which is not supported. Supported: \(known).")
        }
        guard let count = checkedProduct(shape), shape[shape.count - 1].isMultiple(of: type.blockElements),
            let bytes = type.byteCount(of: count)
        else {
            throw bad(
                "the tensor `\(name)` has the shape \(shape), which is too large or whose rows are not whole blocks "
                    + "of \(type.blockElements) elements (\(type.name)).")
        }
        let offset = try cursor.integer(UInt64.self, "the offset of `\(name)`")
        guard let start = Int(exactly: offset), start.isMultiple(of: alignment),
            case let (end, overflow) = start.addingReportingOverflow(bytes), !overflow
        else { throw bad("the tensor `\(name)` has the offset \(offset), which is not a multiple of \(alignment).") }
        return GGUFTensor(name: name, type: type, shape: shape, byteRange: start..<end)
    }

    private func checkOverlap() throws(LensError) {
        let sorted = tensors.sorted { $0.byteRange.lowerBound < $1.byteRange.lowerBound }
        for (first, second) in zip(sorted, sorted.dropFirst())
        where first.byteRange.upperBound > second.byteRange.lowerBound {
            throw bad("the tensors `\(first.name)` and `\(second.name)` overlap; the file is damaged.")
        }
    }

    private func typeName(_ number: UInt32) -> String {
        let others: [UInt32: String] = [
            9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S", 22: "IQ2_S", 24: "I8",
            25: "I16", 26: "I32", 27: "I64", 28: "F64", 29: "IQ1_M", 40: "NVFP4", 41: "Q1_0",
        ]
        return others[number] ?? "number \(number)"
    }
}
