import CLongLens
import LensSupport

/// The number format of a stored tensor. Raw values are GGUF's.
public enum TensorType: Int, Sendable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 6
    case q5_1 = 7
    case q8_0 = 8
    case q2_K = 10
    case q3_K = 11
    case q4_K = 12
    case q5_K = 13
    case q6_K = 14
    case iq4_NL = 20
    case iq3_S = 21
    case iq4_XS = 23
    case bf16 = 30
    case tq1_0 = 34
    case tq2_0 = 35
    case mxfp4 = 39
}

extension TensorType {
    /// The name as model files and tools print it.
    package var name: String {
        switch self {
        case .f32: "F32"
        case .f16: "F16"
        case .bf16: "BF16"
        case .q4_0: "Q4_0"
        case .q4_1: "Q4_1"
        case .q5_0: "Q5_0"
        case .q5_1: "Q5_1"
        case .q8_0: "Q8_0"
        case .q2_K: "Q2_K"
        case .q3_K: "Q3_K"
        case .q4_K: "Q4_K"
        case .q5_K: "Q5_K"
        case .q6_K: "Q6_K"
        case .iq4_NL: "IQ4_NL"
        case .iq4_XS: "IQ4_XS"
        case .iq3_S: "IQ3_S"
        case .tq1_0: "TQ1_0"
        case .tq2_0: "TQ2_0"
        case .mxfp4: "MXFP4"
        }
    }

    /// The type of this name, in any case of letters.
    package init?(name: String) {
        guard let type = TensorType.allCases.first(where: { $0.name.lowercased() == name.lowercased() }) else {
            return nil
        }
        self = type
    }

    /// Elements that share one block; rows are whole blocks.
    package var blockElements: Int { lens_type_block_elements(CInt(rawValue)) }

    package var blockBytes: Int { lens_type_block_bytes(CInt(rawValue)) }

    /// False for Q2_K, Q3_K, the codebook and ternary types, which can only be read.
    package var isWritable: Bool {
        switch self {
        case .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q4_K, .q5_K, .q6_K: true
        default: false
        }
    }

    /// Bytes of `count` elements; nil where they are not whole blocks or the size overflows.
    package func byteCount(of count: Int) -> Int? {
        guard count >= 0, count.isMultiple(of: blockElements) else { return nil }
        let (bytes, overflow) = (count / blockElements).multipliedReportingOverflow(by: blockBytes)
        return overflow ? nil : bytes
    }

    /// Converts whole blocks to fp32. `source` must hold the bytes of `destination.count` elements.
    @unsafe
    package func dequantize(_ source: UnsafeRawBufferPointer, into destination: UnsafeMutableBufferPointer<Float>) {
        precondition(byteCount(of: destination.count) == source.count, "bytes do not match the elements")
        guard let start = source.baseAddress, let output = destination.baseAddress else { return }
        let known = unsafe lens_dequantize(destination.count, CInt(rawValue), start, output)
        precondition(known)
    }

    /// Converts whole blocks from fp32. `destination` must hold the bytes of `source.count` elements; the type must be
    /// writable.
    @unsafe
    package func quantize(_ source: UnsafeBufferPointer<Float>, into destination: UnsafeMutableRawBufferPointer) {
        precondition(isWritable && byteCount(of: source.count) == destination.count, "bytes do not match the elements")
        guard let start = source.baseAddress, let output = destination.baseAddress else { return }
        let known = unsafe lens_quantize(source.count, CInt(rawValue), start, output)
        precondition(known)
    }
}

extension Runtime {
    /// Converts rows of `columns` elements from fp32, all threads together, to the bytes that
    /// ``TensorType/quantize(_:into:)`` gives.
    ///
    /// - Parameters:
    ///   - rows: those of `source` that are written, in this order.
    ///   - columns: whole blocks.
    ///   - destination: holds the bytes of all rows; the type must be writable.
    @unsafe
    package func quantize(
        _ source: UnsafeBufferPointer<Float>, rows: [Int], columns: Int, as type: TensorType,
        into destination: UnsafeMutableRawBufferPointer
    ) throws(LensError) {
        precondition(type.isWritable && type.byteCount(of: rows.count * columns) == destination.count)
        precondition(rows.allSatisfy { $0 >= 0 && $0 < source.count / max(columns, 1) }, "rows of the source")
        guard let start = source.baseAddress, let output = destination.baseAddress else { return }
        try unsafe run { context in
            unsafe rows.withUnsafeBufferPointer { order in
                unsafe lens_quantize_rows(
                    context, rows.count, columns, CInt(type.rawValue), start, order.baseAddress, output)
            }
        }
    }
}
