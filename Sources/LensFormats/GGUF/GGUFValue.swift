import LensSupport

/// A metadata value of a GGUF file.
package enum GGUFValue: Equatable, Sendable {
    case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32), uint64(UInt64), int64(
        Int64)
    case float32(Float), float64(Double), bool(Bool)
    /// Strings are bytes: tokenizers store pieces that need not be UTF-8.
    case string([UInt8])
    case strings([[UInt8]])
    case float32s([Float])
    case int32s([Int32])
    /// Arrays of the rarer number types.
    case numbers(GGUFNumbers)
    /// Arrays of arrays.
    indirect case array([GGUFValue])

    /// Number of elements; nil of a value that is no array.
    var count: Int? {
        switch self {
        case .strings(let list): list.count
        case .float32s(let list): list.count
        case .int32s(let list): list.count
        case .numbers(let list): list.count
        case .array(let list): list.count
        default: nil
        }
    }

    /// The element at `index` of an array that has it.
    func element(_ index: Int) -> GGUFValue {
        switch self {
        case .strings(let list): .string(list[index])
        case .float32s(let list): .float32(list[index])
        case .int32s(let list): .int32(list[index])
        case .numbers(let list): list[index]
        case .array(let list): list[index]
        default: preconditionFailure("an array is needed")
        }
    }

    /// Any integer type, if it fits.
    var integer: Int? {
        switch self {
        case .uint8(let x): Int(x)
        case .int8(let x): Int(x)
        case .uint16(let x): Int(x)
        case .int16(let x): Int(x)
        case .uint32(let x): Int(x)
        case .int32(let x): Int(x)
        case .uint64(let x): Int(exactly: x)
        case .int64(let x): Int(x)
        default: nil
        }
    }

    /// Any float or integer type.
    var number: Double? {
        switch self {
        case .float32(let x): Double(x)
        case .float64(let x): x
        default: integer.map(Double.init)
        }
    }
}

/// An array of numbers or truth values, kept as the bytes of the file.
package struct GGUFNumbers: Equatable, Sendable {
    /// GGUF's number of the element type: 0 to 4, 7, 10 to 12.
    package let type: UInt32
    /// Little-endian.
    package let bytes: [UInt8]

    init(type: UInt32, bytes: [UInt8]) {
        self.type = type
        self.bytes = bytes
    }

    package init(_ list: [Bool]) { self.init(type: 7, bytes: list.map { $0 ? 1 : 0 }) }
    package init(_ list: [UInt8]) { self.init(type: 0, bytes: list) }
    package init(_ list: [UInt32]) {
        self.init(type: 4, bytes: list.flatMap { [UInt8](littleEndian: $0) })
    }

    /// Bytes of one element of a type; nil where its elements have no fixed size.
    static func size(_ type: UInt32) -> Int? {
        switch type {
        case 0, 1, 7: 1
        case 2, 3: 2
        case 4, 5, 6: 4
        case 10, 11, 12: 8
        default: nil
        }
    }

    package var count: Int { bytes.count / (GGUFNumbers.size(type) ?? 1) }

    package subscript(index: Int) -> GGUFValue {
        let size = GGUFNumbers.size(type) ?? 1
        var bits: UInt64 = 0
        for byte in (0..<size).reversed() { bits = bits << 8 | UInt64(bytes[index * size + byte]) }
        return switch type {
        case 0: .uint8(UInt8(truncatingIfNeeded: bits))
        case 1: .int8(Int8(truncatingIfNeeded: bits))
        case 2: .uint16(UInt16(truncatingIfNeeded: bits))
        case 3: .int16(Int16(truncatingIfNeeded: bits))
        case 4: .uint32(UInt32(truncatingIfNeeded: bits))
        case 7: .bool(bits != 0)
        case 10: .uint64(bits)
        case 11: .int64(Int64(bitPattern: bits))
        default: .float64(Double(bitPattern: bits))
        }
    }
}

/// Metadata of a GGUF file by key.
package struct GGUFMetadata: Equatable, Sendable {
    package var values: [String: GGUFValue]

    package init(_ values: [String: GGUFValue] = [:]) { self.values = values }

    package subscript(key: String) -> GGUFValue? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// Any integer type, if it fits.
    package func integer(_ key: String) -> Int? { values[key]?.integer }

    /// Any float or integer type.
    package func number(_ key: String) -> Double? { values[key]?.number }

    package func bool(_ key: String) -> Bool? {
        if case .bool(let x) = values[key] { x } else { nil }
    }

    /// A string that is valid UTF-8.
    package func string(_ key: String) -> String? {
        if case .string(let bytes) = values[key] { String(validating: bytes, as: UTF8.self) } else { nil }
    }

    package func strings(_ key: String) -> [[UInt8]]? {
        if case .strings(let list) = values[key] { list } else { nil }
    }

    package func floats(_ key: String) -> [Float]? {
        if case .float32s(let list) = values[key] { list } else { nil }
    }

    package func integers(_ key: String) -> [Int32]? {
        if case .int32s(let list) = values[key] { list } else { nil }
    }
}
