/// A metadata value of a GGUF file.
public enum GGUFValue: Equatable, Sendable {
    case uint8(UInt8), int8(Int8), uint16(UInt16), int16(Int16), uint32(UInt32), int32(Int32), uint64(UInt64), int64(
        Int64)
    case float32(Float), float64(Double), bool(Bool)
    /// Strings are bytes: tokenizers store pieces that need not be UTF-8.
    case string([UInt8])
    case strings([[UInt8]])
    case float32s([Float])
    case int32s([Int32])
    /// Arrays of the rarer element types, nested ones too.
    indirect case array([GGUFValue])
}

/// Metadata of a GGUF file by key.
public struct GGUFMetadata: Equatable, Sendable {
    public var values: [String: GGUFValue]

    public init(_ values: [String: GGUFValue] = [:]) { self.values = values }

    public subscript(key: String) -> GGUFValue? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// Any integer type, if it fits.
    public func integer(_ key: String) -> Int? {
        switch values[key] {
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
    public func number(_ key: String) -> Double? {
        switch values[key] {
        case .float32(let x): Double(x)
        case .float64(let x): x
        default: integer(key).map(Double.init)
        }
    }

    public func bool(_ key: String) -> Bool? {
        if case .bool(let x) = values[key] { x } else { nil }
    }

    /// A string that is valid UTF-8.
    public func string(_ key: String) -> String? {
        if case .string(let bytes) = values[key] { String(validating: bytes, as: UTF8.self) } else { nil }
    }

    public func strings(_ key: String) -> [[UInt8]]? {
        if case .strings(let list) = values[key] { list } else { nil }
    }

    public func floats(_ key: String) -> [Float]? {
        if case .float32s(let list) = values[key] { list } else { nil }
    }

    public func integers(_ key: String) -> [Int32]? {
        if case .int32s(let list) = values[key] { list } else { nil }
    }
}
