import CLongLens
import LensTestSupport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }

/// A product of random numbers with random blocks of a type.
struct WeightsCase {
    var type: lens_type
    var m: Int, n: Int, k: Int
    var headSize = 0
    var seed: UInt64
    /// In place of random numbers.
    var a: [Float]?

    init(type: lens_type, m: Int, n: Int, k: Int, headSize: Int = 0, seed: UInt64) {
        (self.type, self.m, self.n, self.k, self.headSize, self.seed) = (type, m, n, k, headSize, seed)
    }

    private var code: CInt { CInt(type.rawValue) }
    var targets: [Int32] { (0..<m).map { Int32($0 * 7919 % n) } }

    /// Of magnitudes that differ between groups.
    func elementsOfA() -> [Float] {
        if let a { return a }
        let list = randomFloats(m * k, seed: seed)
        return list.indices.map { list[$0] * Float([1, 30, 0.01][$0 / 32 % 3]) }
    }

    /// Random bytes, the half-precision scales among them between 1/128 and 1/32.
    func blocks() -> [UInt8] {
        let size = lens_type_block_bytes(code), count = n * k / lens_type_block_elements(code)
        var generator = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        var bytes = (0..<count * size).map { _ in
            generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: generator >> 40)
        }
        for block in 0..<count {
            for place in halves {
                bytes[block * size + place + 1] = 0x20 | bytes[block * size + place + 1] & 7
            }
            if type == LENS_TYPE_MXFP4 { bytes[block * size] = 118 + bytes[block * size] % 8 }
        }
        return bytes
    }

    private var halves: [Int] {
        switch type {
        case LENS_TYPE_Q4_1, LENS_TYPE_Q5_1, LENS_TYPE_Q4_K, LENS_TYPE_Q5_K: [0, 2]
        case LENS_TYPE_Q2_K: [80, 82]
        case LENS_TYPE_Q3_K: [108]
        case LENS_TYPE_Q6_K: [208]
        case LENS_TYPE_TQ1_0: [52]
        case LENS_TYPE_TQ2_0: [64]
        case LENS_TYPE_MXFP4: []
        default: [0]
        }
    }

    /// W [n, k] in the order of its rows.
    func dequantized() -> [Float] {
        var stored = [Float](repeating: 0, count: n * k)
        precondition(unsafe lens_dequantize(n * k, code, blocks(), &stored))
        guard headSize > 0 else { return stored }
        return (0..<n).flatMap { row in
            let inHead = row % headSize, half = headSize / 2
            let place = row - inHead + 2 * (inHead % half) + inHead / half
            return stored[place * k..<(place + 1) * k]
        }
    }

    /// The product of both sides rotated and rounded, and the sum of the groups' magnitudes.
    func expected(accumulate: Bool) -> (values: [Double], magnitudes: [Double]) {
        let a = elementsOfA()
        // In groups of 64, zeros behind the last.
        let columns = (k + 63) / 64 * 64
        let inputs = (0..<m).map { rounded(rotated(Array(a[$0 * k..<($0 + 1) * k])), group: 64) }
        let weights = dequantized()
        let rows = (0..<n).map { rounded(rotated(Array(weights[$0 * k..<($0 + 1) * k])), group: columns) }
        var values: [Double] = [], magnitudes: [Double] = []
        for input in inputs {
            for row in rows {
                var sum = accumulate ? 1.0 : 0, magnitude = sum
                for g in stride(from: 0, to: columns, by: 64) {
                    let products = (g..<g + 64).map { input[$0] * row[$0] }
                    let part = products.reduce(0, +)
                    sum += part
                    // The second part is for the rounding of this sum itself.
                    magnitude += abs(part) + products.reduce(0) { $0 + abs($1) } * 1e-8
                }
                values.append(sum)
                magnitudes.append(magnitude)
            }
        }
        return (values, magnitudes)
    }

    /// 8 times the orthonormal Walsh-Hadamard transform of each 64 elements with signs, those of a bent function of the
    /// index: element j of it is their sum, each with the sign of the parity of i & j. In fp32 and in the kernels' order, distances from 32 down to 1.
    private func rotated(_ row: [Float]) -> [Float] {
        var x = row + [Float](repeating: 0, count: (64 - row.count % 64) % 64)
        for i in x.indices where (i & i >> 1 & 0b10101).nonzeroBitCount.isMultiple(of: 2) == false { x[i].negate() }
        for distance in [32, 16, 8, 4, 2, 1] {
            for i in x.indices where i & distance == 0 {
                (x[i], x[i + distance]) = (x[i] + x[i + distance], x[i] - x[i + distance])
            }
        }
        return x
    }

    /// Each group rounded to 8 bits, and the rotation's factor taken back.
    private func rounded(_ x: [Float], group: Int) -> [Double] {
        stride(from: 0, to: x.count, by: group).flatMap { first in
            let group = x[first..<first + group]
            let largest = group.map(abs).max() ?? 0
            return group.map {
                largest == 0
                    ? 0 : Double(($0 * (127 / largest)).rounded(.toNearestOrEven)) * Double(largest / 127 * 0.125)
            }
        }
    }

    func multiply(_ context: Context, packed: Bool, accumulate: Bool = false) -> [Float] {
        var c = [Float](repeating: 1, count: m * n)
        unsafe with(context, packed: packed) { context, weights, a in
            unsafe c.withUnsafeMutableBufferPointer { c in
                var product = unsafe lens_weights_product(W: weights, C: c.baseAddress, ldc: n)
                return unsafe lens_gemm_weights(context, m, k, accumulate, a, k, 1, &product)
            }
        }
        return c
    }

    /// With another's weights in one call.
    func multiply(_ context: Context, with other: WeightsCase, packed: Bool) -> [[Float]] {
        var first = [Float](repeating: 0, count: m * n), second = [Float](repeating: 0, count: m * other.n)
        unsafe with(context, packed: packed) { _, weights, a in
            unsafe other.with(context, packed: packed) { context, others, _ in
                unsafe first.withUnsafeMutableBufferPointer { first in
                    unsafe second.withUnsafeMutableBufferPointer { second in
                        let products = unsafe [
                            lens_weights_product(W: weights, C: first.baseAddress, ldc: n),
                            lens_weights_product(W: others, C: second.baseAddress, ldc: other.n),
                        ]
                        return unsafe lens_gemm_weights(context, m, k, false, a, k, 2, products)
                    }
                }
            }
            return LENS_OK
        }
        return [first, second]
    }

    func losses(_ context: Context, packed: Bool) -> [Float] {
        var losses = [Float](repeating: 0, count: m)
        unsafe with(context, packed: packed) { context, weights, a in
            unsafe lens_head_losses(context, m, a, k, weights, targets, &losses)
        }
        return losses
    }

    private func with(
        _ context: Context, packed: Bool,
        _ body: (OpaquePointer, UnsafePointer<lens_weights>, UnsafePointer<Float>) -> lens_status
    ) {
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: lens_packed_weights_bytes(n, k), alignment: 64)
        defer { unsafe memory.deallocate() }
        let a = GuardedBuffer(elementsOfA())
        unsafe blocks().withUnsafeBytes { blocks in
            var weights = unsafe lens_weights(
                type: type, N: n, K: k, blocks: blocks.baseAddress, head_size: headSize, packed: nil)
            if packed {
                unsafe context.run { unsafe lens_pack_weights($0, &weights, memory) }
                unsafe weights.packed = UnsafeRawPointer(memory)
            }
            unsafe withPointers(a) { a in unsafe context.run { unsafe body($0, &weights, a) } }
        }
    }
}
