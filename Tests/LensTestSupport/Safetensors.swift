import LensFormats
import LensSupport

// Whole safetensors files from and to memory: fixtures, and what tests compare with them.

/// Elements of a tensor in memory.
package enum SafetensorsElements: Equatable, Sendable {
    case float32([Float]), int32([Int32]), int64([Int64]), uint8([UInt8])

    package var count: Int {
        switch self {
        case .float32(let list): list.count
        case .int32(let list): list.count
        case .int64(let list): list.count
        case .uint8(let list): list.count
        }
    }

    package var dataType: SafetensorsDataType {
        switch self {
        case .float32: .float32
        case .int32: .int32
        case .int64: .int64
        case .uint8: .uint8
        }
    }
}

extension SafetensorsWriter {
    /// Writes a whole file from arrays in memory.
    package static func write(
        path: String, arrays: [(name: String, shape: [Int], elements: SafetensorsElements)],
        metadata: [String: String] = [:]
    ) throws(LensError) {
        var elements: [String: SafetensorsElements] = [:], tensors: [SafetensorsDescription] = []
        for array in arrays {
            precondition(array.shape.reduce(1, *) == array.elements.count, "the shape must match the elements")
            elements[array.name] = array.elements
            tensors.append(
                SafetensorsDescription(name: array.name, dataType: array.elements.dataType, shape: array.shape))
        }
        let writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: metadata)
        for tensor in writer.order {
            switch elements[tensor.name] {
            case .float32(let list): try writer.write(tensor.name, list)
            case .int32(let list): try writer.write(tensor.name, list)
            case .int64(let list): try writer.write(tensor.name, list)
            case .uint8(let list): try writer.write(tensor.name, list)
            case nil: preconditionFailure("every tensor has elements")
            }
        }
        try writer.commit()
    }
}

extension SafetensorsFile {
    /// The elements of an F32, F16 or BF16 tensor.
    package func floats(_ name: String) throws(LensError) -> [Float] {
        var list = [Float](repeating: 0, count: try tensor(name).count)
        let result: Result<Void, LensError> = unsafe list.withUnsafeMutableBufferPointer { buffer in
            Result { () throws(LensError) in try unsafe read(name, into: buffer) }
        }
        try result.get()
        return list
    }

    /// The elements of an I32, I64 or U8 tensor, which must be of that type.
    package func int32s(_ name: String) throws(LensError) -> [Int32] { try elements(name, .int32, zero: 0) }
    package func int64s(_ name: String) throws(LensError) -> [Int64] { try elements(name, .int64, zero: 0) }
    package func uint8s(_ name: String) throws(LensError) -> [UInt8] { try elements(name, .uint8, zero: 0) }

    private func elements<Element: BitwiseCopyable>(
        _ name: String, _ type: SafetensorsDataType, zero: Element
    ) throws(LensError) -> [Element] {
        let tensor = try tensor(name)
        guard tensor.dataType == type else { throw .data("`\(name)` is \(tensor.dataType.rawValue)") }
        var list = [Element](repeating: zero, count: tensor.count)
        unsafe list.withUnsafeMutableBytes { unsafe $0.copyMemory(from: bytes(of: tensor)) }
        return list
    }
}
