import LensKernels
import LensSupport

/// The header of a GGUF version 3 file as bytes.
struct GGUFHeaderWriter {
    struct Tensor {
        var name: String
        var type: TensorType
        /// Outermost dimension first.
        var shape: [Int]

        var byteCount: Int { type.byteCount(of: shape.reduce(1, *)) ?? 0 }
    }

    /// A metadata value, or the bytes of its type and value in another file.
    enum Value {
        case value(GGUFValue)
        case encoded([UInt8])
    }

    static let alignment = 32

    private var bytes: [UInt8] = []

    /// The complete header, padded to where the data begins.
    static func header(metadata: [(String, Value)], tensors: [Tensor]) -> [UInt8] {
        var writer = GGUFHeaderWriter()
        writer.bytes += Array("GGUF".utf8)
        writer.append(UInt32(3))
        writer.append(UInt64(tensors.count))
        writer.append(UInt64(metadata.count))
        for (key, value) in metadata {
            writer.append(Array(key.utf8))
            switch value {
            case .value(let value):
                writer.append(typeNumber(value))
                writer.append(value)
            case .encoded(let bytes): writer.bytes += bytes
            }
        }
        var offset = 0
        for tensor in tensors {
            writer.append(Array(tensor.name.utf8))
            writer.append(UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { writer.append(UInt64(size)) }
            writer.append(UInt32(tensor.type.rawValue))
            writer.append(UInt64(offset))
            offset += tensor.byteCount + padding(after: tensor.byteCount)
        }
        writer.bytes += [UInt8](repeating: 0, count: padding(after: writer.bytes.count))
        return writer.bytes
    }

    /// Zeros that follow `count` bytes.
    static func padding(after count: Int) -> Int { (alignment - count % alignment) % alignment }

    private mutating func append(_ value: some FixedWidthInteger) { bytes.appendLittleEndian(value) }

    private mutating func append(_ string: [UInt8]) {
        append(UInt64(string.count))
        bytes += string
    }

    private static func typeNumber(_ value: GGUFValue) -> UInt32 {
        switch value {
        case .uint8: 0
        case .int8: 1
        case .uint16: 2
        case .int16: 3
        case .uint32: 4
        case .int32: 5
        case .float32: 6
        case .bool: 7
        case .string: 8
        case .strings, .float32s, .int32s, .numbers, .array: 9
        case .uint64: 10
        case .int64: 11
        case .float64: 12
        }
    }

    private mutating func append(_ value: GGUFValue) {
        switch value {
        case .uint8(let x): append(x)
        case .int8(let x): append(x)
        case .uint16(let x): append(x)
        case .int16(let x): append(x)
        case .uint32(let x): append(x)
        case .int32(let x): append(x)
        case .uint64(let x): append(x)
        case .int64(let x): append(x)
        case .float32(let x): append(x.bitPattern)
        case .float64(let x): append(x.bitPattern)
        case .bool(let x): append(UInt8(x ? 1 : 0))
        case .string(let x): append(x)
        case .strings(let list):
            appendArray(type: 8, count: list.count)
            for string in list { append(string) }
        case .float32s(let list):
            appendArray(type: 6, count: list.count)
            for element in list { append(element.bitPattern) }
        case .int32s(let list):
            appendArray(type: 5, count: list.count)
            for element in list { append(element) }
        case .numbers(let list):
            appendArray(type: list.type, count: list.count)
            bytes += list.bytes
        case .array(let list):
            precondition(list.allSatisfy { GGUFHeaderWriter.typeNumber($0) == 9 }, "arrays of arrays")
            appendArray(type: 9, count: list.count)
            for element in list { append(element) }
        }
    }

    private mutating func appendArray(type: UInt32, count: Int) {
        append(type)
        append(UInt64(count))
    }
}
