import CLensReference
import CLongLens
import LensKernels
import LensTestSupport

/// A product of random numbers with weights of 16 bits, in memory that ends at an inaccessible page.
struct BF16Case {
    var type: lens_type
    var m: Int, n: Int, k: Int
    var headSize = 0
    var seed: UInt64 = 1
    /// In place of random numbers.
    var a: [Float]?, weights: [Float]?

    init(_ type: lens_type, m: Int, n: Int, k: Int, headSize: Int = 0, seed: UInt64 = 1) {
        (self.type, self.m, self.n, self.k, self.headSize, self.seed) = (type, m, n, k, headSize, seed)
    }

    func elementsOfA() -> [Float] { a ?? randomFloats(m * k, seed: seed) }

    /// W [n, k] in 16 bits, in the order that it is stored in.
    func stored() -> [UInt16] {
        var result = [UInt16](repeating: 0, count: n * k)
        let values = weights ?? randomFloats(n * k, seed: seed &+ 1)
        precondition(unsafe lens_quantize(n * k, CInt(type.rawValue), values, &result))
        return result
    }

    /// The bf16 of W [n, k] in the order of its rows.
    func rounded() -> [Double] {
        var values = [Float](repeating: 0, count: n * k)
        precondition(unsafe lens_dequantize(n * k, CInt(type.rawValue), stored(), &values))
        let all = toBF16(values)
        return (0..<n).flatMap { row in
            let place = lens_weights_stored_row(headSize, row)
            return all[place * k..<(place + 1) * k].map(Double.init)
        }
    }

    /// The product of the rounded numbers in double precision, and the sum of the magnitudes; A is rounded where the
    /// context multiplies bf16.
    func expected(_ context: Context, accumulate: Bool) -> (values: [Double], magnitudes: [Double]) {
        let isRounded =
            unsafe context.with { unsafe lens_context_features($0) }.rawValue & LENS_FEATURE_BF16.rawValue != 0
        let a = isRounded ? toBF16(elementsOfA()) : elementsOfA()
        func product(_ map: (Double) -> Double) -> [Double] {
            var c = [Double](repeating: 1, count: m * n)
            unsafe reference_gemm(
                m, n, k, false, true, accumulate, a.doubles.map(map), k, rounded().map(map), k, &c, n)
            return c
        }
        return (product { $0 }, product(abs))
    }

    func multiply(_ context: Context, packed: Bool, accumulate: Bool = false) -> [Float] {
        let a = GuardedBuffer(elementsOfA())
        let c = GuardedBuffer([Float](repeating: 1, count: m * n))
        unsafe with(context, packed: packed) { weights in
            unsafe withPointers(a, c) { a, c in
                var product = unsafe lens_weights_product(W: weights, C: c, ldc: n)
                unsafe context.run { unsafe lens_gemm_bf16($0, m, k, accumulate, a, k, 1, &product) }
            }
        }
        return c.array
    }

    var targets: [Int32] { (0..<m).map { Int32($0 * 7919 % n) } }

    func losses(_ context: Context, packed: Bool) -> [Float] {
        let a = GuardedBuffer(elementsOfA()), losses = GuardedBuffer<Float>(count: m)
        unsafe with(context, packed: packed) { weights in
            unsafe withPointers(a, losses) { a, losses in
                unsafe context.run { unsafe lens_head_losses_bf16($0, m, a, k, weights, targets, losses) }
            }
        }
        return losses.array
    }

    /// The packed form.
    func packed(_ context: Context) -> [UInt8] {
        unsafe with(context, packed: true) { weights in
            unsafe Array(UnsafeRawBufferPointer(start: weights.pointee.packed, count: lens_packed_bf16_bytes(n, k)))
        }
    }

    func with<Result>(
        _ context: Context, packed: Bool, _ body: (UnsafePointer<lens_weights>) -> Result
    ) -> Result {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: lens_packed_bf16_bytes(n, k), alignment: 64)
        defer { unsafe memory.deallocate() }
        return unsafe withPointers(GuardedBuffer(stored())) { stored in
            var weights = unsafe lens_weights(
                type: type, N: n, K: k, blocks: stored, head_size: headSize, packed: nil)
            if packed {
                unsafe context.run { unsafe lens_pack_bf16($0, &weights, memory) }
                unsafe weights.packed = UnsafeRawPointer(memory)
            }
            return unsafe body(&weights)
        }
    }
}

/// To the nearest bf16, ties to even.
func toBF16(_ values: [Float]) -> [Float] {
    values.map { value in
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000)
    }
}

/// Contexts of all instruction sets of this machine, with and without what they may have beside.
func contextsOfFeatures(threads: Int = 2) throws -> [(context: Context, name: String)] {
    try InstructionSet.supported.flatMap { set in
        try [("", LENS_FEATURES_ALL), (" without features", LENS_FEATURE_NONE)].map { name, features in
            (try Context(set, features: features, threads: threads), set.rawValue + name)
        }
    }
}
