import CLongLens
import LensTestSupport
import Testing

/// The instruction sets of this machine, readable in a test's name.
enum InstructionSet: String, CaseIterable, CustomTestStringConvertible {
    case scalar, avx2, avx512, neon

    var isa: lens_isa {
        switch self {
        case .scalar: LENS_ISA_SCALAR
        case .avx2: LENS_ISA_AVX2
        case .avx512: LENS_ISA_AVX512
        case .neon: LENS_ISA_NEON
        }
    }

    static var available: [InstructionSet] { allCases.filter { lens_isa_supported($0.isa) } }

    var testDescription: String { rawValue }

    /// Runs `body` with these kernels, then restores the best ones and the number of threads.
    func run<Result>(_ body: () throws -> Result) rethrows -> Result {
        let threads = lens_thread_count()
        precondition(lens_isa_use(isa))
        defer {
            lens_isa_use(lens_isa_best())
            lens_set_thread_count(threads)
        }
        return try body()
    }
}

/// One product with row strides of its own, in memory that ends (or starts) at an inaccessible page.
struct GemmCase {
    var transposeA = false, transposeB = false, accumulate = false
    var m: Int, n: Int, k: Int
    /// Elements between the end of one stored row and the start of the next.
    var padding = (a: 0, b: 0, c: 0)
    var atStart = false
    var seed: UInt64 = 1

    var shapeA: (rows: Int, columns: Int) { transposeA ? (k, m) : (m, k) }
    var shapeB: (rows: Int, columns: Int) { transposeB ? (n, k) : (k, n) }
    var description: String {
        "\(transposeA ? "T" : "N")\(transposeB ? "T" : "N") M=\(m) N=\(n) K=\(k) "
            + "padding=\(padding) accumulate=\(accumulate)"
    }

    /// What the padding of C holds before and must hold after.
    static let untouched: Float = -12345.5

    /// Stored elements: the last row has no padding, so that its end is the end of the buffer.
    private func stored(_ rows: Int, _ columns: Int, _ padding: Int) -> Int {
        rows == 0 ? 0 : (rows - 1) * (columns + padding) + columns
    }

    func elementsOfA() -> [Float] { randomFloats(stored(shapeA.rows, shapeA.columns, padding.a), seed: seed) }
    func elementsOfB() -> [Float] { randomFloats(stored(shapeB.rows, shapeB.columns, padding.b), seed: seed &+ 1) }
    func elementsOfC() -> [Float] {
        var c = randomFloats(stored(m, n, padding.c), seed: seed &+ 2)
        for i in c.indices where i % (n + padding.c) >= n { c[i] = Self.untouched }
        return c
    }

    /// The product by the kernels in use; all of C's buffer.
    func run() -> [Float] {
        let a = GuardedBuffer(elementsOfA(), atStart: atStart), b = GuardedBuffer(elementsOfB(), atStart: atStart)
        let c = GuardedBuffer(elementsOfC(), atStart: atStart)
        unsafe withPointers(a, b, c) { a, b, c in
            unsafe lens_gemm_f32(
                transposeA, transposeB, m, n, k, a, shapeA.columns + padding.a, b, shapeB.columns + padding.b, c,
                n + padding.c, accumulate)
        }
        return c.array
    }

    /// The first element that is further from the double-precision product than rounding allows, in words; nil if none.
    ///
    /// A sum of K products rounded at every step errs by at most about (K + 2) epsilon / 2 times the sum of the
    /// magnitudes; this bound holds for any order of the additions.
    func complaint(about result: [Float]) -> String? {
        let a = elementsOfA(), b = elementsOfB(), before = elementsOfC()
        let lda = shapeA.columns + padding.a, ldb = shapeB.columns + padding.b, ldc = n + padding.c
        let unit = Double(Float.ulpOfOne) / 2
        for i in 0..<m {
            for j in 0..<n {
                var sum = 0.0, magnitude = 0.0
                if accumulate {
                    sum = Double(before[i * ldc + j])
                    magnitude = abs(sum)
                }
                for p in 0..<k {
                    let product =
                        Double(a[transposeA ? p * lda + i : i * lda + p])
                        * Double(b[transposeB ? j * ldb + p : p * ldb + j])
                    sum += product
                    magnitude += abs(product)
                }
                let error = abs(Double(result[i * ldc + j]) - sum)
                // A NaN must not pass.
                if !(error <= Double(k + 2) * unit * magnitude * 1.01) {
                    return "\(description): C[\(i), \(j)] is \(result[i * ldc + j]), expected \(sum)"
                }
            }
        }
        for i in result.indices where i % ldc >= n && result[i] != Self.untouched {
            return "\(description): wrote past column \(n) of row \(i / ldc)"
        }
        return nil
    }
}
