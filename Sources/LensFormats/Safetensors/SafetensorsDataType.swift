import LensKernels

/// The element types of safetensors files.
package enum SafetensorsDataType: String, Sendable, CaseIterable {
    case float64 = "F64", float32 = "F32", float16 = "F16", bfloat16 = "BF16"
    case int64 = "I64", int32 = "I32", int16 = "I16", int8 = "I8"
    case uint64 = "U64", uint32 = "U32", uint16 = "U16", uint8 = "U8"
    case bool = "BOOL", float8e4m3 = "F8_E4M3", float8e5m2 = "F8_E5M2"

    /// Bytes of one element.
    package var size: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .int8, .uint8, .bool, .float8e4m3, .float8e5m2: 1
        }
    }

    /// The type of parameters that models are computed from; nil for the other ones.
    package var tensorType: TensorType? {
        switch self {
        case .float32: .f32
        case .float16: .f16
        case .bfloat16: .bf16
        default: nil
        }
    }

    /// The type that stores this parameter type; nil for quantized ones.
    package init?(_ type: TensorType) {
        switch type {
        case .f32: self = .float32
        case .f16: self = .float16
        case .bf16: self = .bfloat16
        default: return nil
        }
    }
}

/// Name, element type and shape of a tensor.
package struct SafetensorsDescription: Equatable, Sendable {
    package let name: String
    package let dataType: SafetensorsDataType
    /// Outermost dimension first; empty for a single number.
    package let shape: [Int]

    package init(name: String, dataType: SafetensorsDataType, shape: [Int]) {
        self.name = name
        self.dataType = dataType
        self.shape = shape
    }

    /// Number of elements.
    package var count: Int { shape.reduce(1, *) }
    package var byteCount: Int { count * dataType.size }
}
