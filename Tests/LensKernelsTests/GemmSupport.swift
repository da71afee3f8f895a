import CLensReference
import CLongLens
import LensTestSupport

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

    /// The product; all of C's buffer.
    func run(_ context: Context) -> [Float] {
        let a = GuardedBuffer(elementsOfA(), atStart: atStart), b = GuardedBuffer(elementsOfB(), atStart: atStart)
        let c = GuardedBuffer(elementsOfC(), atStart: atStart)
        unsafe withPointers(a, b, c) { a, b, c in
            unsafe context.run {
                unsafe lens_gemm_f32(
                    $0, m, n, k, transposeA, transposeB, accumulate, a, shapeA.columns + padding.a, b,
                    shapeB.columns + padding.b, c, n + padding.c)
            }
        }
        return c.array
    }

    /// The product of the elements, each mapped, in double precision.
    private func reference(_ map: (Double) -> Double) -> [Double] {
        var c = elementsOfC().doubles.map(map)
        unsafe reference_gemm(
            m, n, k, transposeA, transposeB, accumulate, elementsOfA().doubles.map(map), shapeA.columns + padding.a,
            elementsOfB().doubles.map(map), shapeB.columns + padding.b, &c, n + padding.c)
        return c
    }

    /// The first element that is further from the double-precision product than rounding allows, in words; nil if none.
    ///
    /// A sum of K products rounded at every step errs by at most about (K + 2) epsilon / 2 times the sum of the
    /// magnitudes; this bound holds for any order of the additions.
    func complaint(about result: [Float]) -> String? {
        let ldc = n + padding.c, sums = reference(\.self), magnitudes = reference(\.magnitude)
        for i in 0..<m {
            for at in i * ldc..<i * ldc + n {
                let error = abs(Double(result[at]) - sums[at])
                // A NaN must not pass.
                if !(error <= Double(k + 2) * unitRoundoff * magnitudes[at] * 1.01) {
                    return "\(description): C[\(i), \(at - i * ldc)] is \(result[at]), expected \(sums[at])"
                }
            }
        }
        for i in result.indices where i % ldc >= n && result[i] != Self.untouched {
            return "\(description): wrote past column \(n) of row \(i / ldc)"
        }
        return nil
    }
}
