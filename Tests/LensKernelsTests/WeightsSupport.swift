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

    /// The product of A, rounded to 8 bits in groups of 32, with the weights, and the sum of the magnitudes.
    func expected(accumulate: Bool) -> (values: [Double], magnitudes: [Double]) {
        let a = elementsOfA()
        var rounded = [Double](repeating: 0, count: a.count)
        for group in stride(from: 0, to: a.count, by: 32) {
            let largest = a[group..<group + 32].map(abs).max() ?? 0
            for i in group..<group + 32 where largest > 0 {
                rounded[i] = Double((a[i] * (127 / largest)).rounded(.toNearestOrEven)) * Double(largest / 127)
            }
        }
        let weights = dequantized().map(Double.init)
        var values: [Double] = [], magnitudes: [Double] = []
        for i in 0..<m {
            for j in 0..<n {
                var sum = accumulate ? 1.0 : 0, magnitude = sum
                for p in 0..<k {
                    sum += rounded[i * k + p] * weights[j * k + p]
                }
                // What is rounded is the sum over a group: the bound counts its largest numbers 32 times.
                for g in stride(from: 0, to: k, by: 32) {
                    var a = 0.0, w = 0.0
                    for p in g..<g + 32 {
                        a = max(a, abs(rounded[i * k + p]))
                        w = max(w, abs(weights[j * k + p]))
                    }
                    magnitude += 32 * a * w
                }
                values.append(sum)
                magnitudes.append(magnitude)
            }
        }
        return (values, magnitudes)
    }

    func multiply(_ context: Context, packed: Bool, accumulate: Bool = false) -> [Float] {
        var c = [Float](repeating: 1, count: m * n)
        unsafe with(context, packed: packed) { context, weights, a in
            unsafe lens_gemm_weights(context, m, accumulate, a, k, weights, &c, n)
        }
        return c
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
            byteCount: lens_packed_weights_bytes(code, n, k), alignment: 64)
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
