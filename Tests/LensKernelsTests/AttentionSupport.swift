import CLongLens
import LensTestSupport

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Everything attention gives.
struct AttentionResult: Equatable {
    var out: [Float], lse: [Float], dq: [Float], dk: [Float], dv: [Float]
}

/// One attention with random inputs.
struct AttentionCase: CustomStringConvertible {
    var tokens: Int, heads: Int, keyValueHeads: Int, size: Int
    var scale: Float
    var q: [Float], k: [Float], v: [Float], dout: [Float]

    init(tokens: Int, keyValueHeads: Int = 1, group: Int = 1, size: Int, magnitude: Float = 1, seed: UInt64 = 1) {
        self.tokens = tokens
        self.heads = keyValueHeads * group
        self.keyValueHeads = keyValueHeads
        self.size = size
        scale = 1 / Float(size).squareRoot()
        q = randomFloats(tokens * heads * size, seed: seed, scale: magnitude)
        k = randomFloats(tokens * keyValueHeads * size, seed: seed &+ 1, scale: magnitude)
        v = randomFloats(tokens * keyValueHeads * size, seed: seed &+ 2)
        dout = randomFloats(tokens * heads * size, seed: seed &+ 3)
    }

    /// Of the forward.
    var arithmetic = LENS_ARITHMETIC_F32

    /// Keys that a query sees; 0 for all.
    var window = 0

    /// Where sequences begin, and where the last one ends; nil for one.
    var bounds: [Int]?

    var description: String { "T=\(tokens) NH=\(heads) NKV=\(keyValueHeads) HS=\(size)" }

    var shape: lens_attention_shape {
        lens_attention_shape(T: tokens, NH: heads, NKV: keyValueHeads, HS: size, scale: scale, window: window)
    }

    /// The same case without the tokens from `count` on.
    func first(_ count: Int) -> AttentionCase {
        var shorter = self
        shorter.tokens = count
        shorter.q = Array(q[..<(count * heads * size)])
        shorter.k = Array(k[..<(count * keyValueHeads * size)])
        shorter.v = Array(v[..<(count * keyValueHeads * size)])
        shorter.dout = Array(dout[..<(count * heads * size)])
        return shorter
    }

    /// Forward and backward, every tensor at the edge of an inaccessible page.
    func run(_ context: Context, atStart: Bool = false) -> AttentionResult {
        // What results hold before must not matter.
        func result(_ count: Int) -> GuardedBuffer<Float> {
            GuardedBuffer([Float](repeating: .nan, count: count), atStart: !atStart)
        }
        let out = result(q.count), lse = result(heads * tokens), delta = result(heads * tokens)
        let dq = result(q.count), dk = result(k.count), dv = result(v.count)
        unsafe withPointers(
            GuardedBuffer(q, atStart: atStart), GuardedBuffer(k, atStart: atStart), GuardedBuffer(v, atStart: atStart),
            GuardedBuffer(dout, atStart: atStart), out, lse, delta, dq, dk, dv
        ) { q, k, v, dout, out, lse, delta, dq, dk, dv in
            unsafe run(context) { unsafe lens_attention_forward($0, shape, $1, arithmetic, q, k, v, out, lse) }
            unsafe run(context) {
                unsafe lens_attention_backward(
                    $0, shape, $1, lens_attention_queries(count: tokens, positions: nil), q, k, v, out, lse, dout,
                    delta, dq, dk, dv)
            }
        }
        return AttentionResult(out: out.array, lse: lse.array, dq: dq.array, dk: dk.array, dv: dv.array)
    }

    private func run(_ context: Context, _ driver: (OpaquePointer, lens_spans) -> lens_status) {
        unsafe context.run { context in
            guard let bounds else { return unsafe driver(context, lens_spans()) }
            return unsafe bounds.withUnsafeBufferPointer {
                unsafe driver(context, lens_spans(count: bounds.count - 1, bounds: $0.baseAddress))
            }
        }
    }

    /// The same case of the tokens in `range` alone.
    func sequence(_ range: Range<Int>) -> AttentionCase {
        var alone = self
        func part(_ values: [Float]) -> [Float] {
            let width = values.count / tokens
            return Array(values[range.lowerBound * width..<range.upperBound * width])
        }
        (alone.tokens, alone.bounds) = (range.count, nil)
        (alone.q, alone.k, alone.v, alone.dout) = (part(q), part(k), part(v), part(dout))
        return alone
    }
}

extension AttentionResult {
    /// What it has of the tokens in `range`, of `tokens` in all.
    func sequence(_ range: Range<Int>, of tokens: Int) -> AttentionResult {
        func part(_ values: [Float]) -> [Float] {
            let width = values.count / tokens
            return Array(values[range.lowerBound * width..<range.upperBound * width])
        }
        let heads = lse.count / tokens
        let rows = (0..<heads).flatMap { lse[$0 * tokens + range.lowerBound..<$0 * tokens + range.upperBound] }
        return AttentionResult(out: part(out), lse: rows, dq: part(dq), dk: part(dk), dv: part(dv))
    }
}

/// A value in double precision and how far rounding can take fp32 from it.
struct Bounded {
    var value = 0.0, error = 0.0
}

/// Attention by its definition in double precision, with error bounds that follow from the number of fp32 operations:
/// a sum of n products errs by at most about n units of 2^-24 times the sum of the magnitudes, in any order.
struct AttentionReference {
    var out: [Bounded], lse: [Bounded], dq: [Bounded], dk: [Bounded], dv: [Bounded]
    private let test: AttentionCase
    private let unit = Double(Float.ulpOfOne) / 2
    /// exp is within 2 ulp; a few more roundings.
    private let few = 8.0

    init(_ test: AttentionCase) {
        self.test = test
        out = Array(repeating: Bounded(), count: test.q.count)
        lse = Array(repeating: Bounded(), count: test.heads * test.tokens)
        dq = Array(repeating: Bounded(), count: test.q.count)
        dk = Array(repeating: Bounded(), count: test.k.count)
        dv = Array(repeating: Bounded(), count: test.v.count)
        for head in 0..<test.heads {
            for i in 0..<test.tokens { row(i, head) }
        }
    }

    /// The sum of x[i] * y[j] over a head, and the sum of the magnitudes.
    private func product(_ x: [Float], _ i: Int, _ y: [Float], _ j: Int) -> (sum: Double, magnitude: Double) {
        var sum = 0.0, magnitude = 0.0
        for d in 0..<test.size {
            let term = Double(x[i + d]) * Double(y[j + d])
            sum += term
            magnitude += abs(term)
        }
        return (sum, magnitude)
    }

    private mutating func row(_ i: Int, _ head: Int) {
        let size = test.size, scale = Double(test.scale), sumLength = Double(size) + few, keys = Double(i + 1) + few
        let seen = (test.window == 0 ? 0 : max(0, i + 1 - test.window))...i
        let query = (i * test.heads + head) * size, kvHead = head * test.keyValueHeads / test.heads
        var scores: [Double] = [], scoreError = 0.0
        for j in seen {
            let s = product(test.q, query, test.k, (j * test.keyValueHeads + kvHead) * size)
            scores.append(s.sum * scale)
            scoreError = max(scoreError, sumLength * unit * s.magnitude * scale)
        }
        let maximum = scores.max() ?? 0
        let logSum = maximum + log(scores.reduce(0) { $0 + exp($1 - maximum) })
        let lseError = scoreError + keys * unit + few * unit * (abs(logSum) + abs(maximum))
        lse[head * test.tokens + i] = Bounded(value: logSum, error: lseError)
        // Relative errors of a probability: forward (normalized by its own sum) and backward (by the stored lse).
        let forwardError = expm1(2 * scoreError + 2 * keys * unit + few * unit * abs(maximum))
        let backwardError = expm1(scoreError + lseError + few * unit * (1 + abs(logSum)))

        let p = scores.map { exp($0 - logSum) }
        var delta = Bounded()
        for d in 0..<size {
            var sum = 0.0, magnitude = 0.0
            for j in seen {
                let term = p[j - seen.lowerBound] * Double(test.v[(j * test.keyValueHeads + kvHead) * size + d])
                sum += term
                magnitude += abs(term)
            }
            let o = Bounded(value: sum, error: (forwardError + keys * unit) * magnitude)
            out[query + d] = o
            let dout = Double(test.dout[query + d])
            delta.value += sum * dout
            delta.error += abs(dout) * (o.error + sumLength * unit * abs(sum))
        }
        for j in seen { pair(i, j, query, kvHead, p[j - seen.lowerBound], backwardError, delta) }
    }

    private mutating func pair(
        _ i: Int, _ j: Int, _ query: Int, _ kvHead: Int, _ p: Double, _ relative: Double, _ delta: Bounded
    ) {
        let size = test.size, key = (j * test.keyValueHeads + kvHead) * size
        let terms = Double(test.tokens * test.heads / test.keyValueHeads) + few
        let dp = product(test.dout, query, test.v, key)
        let dpError = (Double(size) + few) * unit * dp.magnitude
        let ds = p * (dp.sum - delta.value) * Double(test.scale)
        let magnitude = p * (abs(dp.sum) + abs(delta.value)) * Double(test.scale)
        let dsError =
            relative * abs(ds) + p * (1 + relative) * Double(test.scale) * (dpError + delta.error)
            + few * unit * magnitude
        for d in 0..<size {
            let q = Double(test.q[query + d]), k = Double(test.k[key + d]), dout = Double(test.dout[query + d])
            dq[query + d].value += ds * k
            dq[query + d].error += (dsError + terms * unit * abs(ds)) * abs(k)
            dk[key + d].value += ds * q
            dk[key + d].error += (dsError + terms * unit * abs(ds)) * abs(q)
            dv[key + d].value += p * dout
            dv[key + d].error += (relative + terms * unit) * p * abs(dout)
        }
    }

    /// The first element that is further from the reference than rounding allows, in words; nil if none.
    func complaint(about result: AttentionResult) -> String? {
        let tensors = [
            ("out", result.out, out), ("lse", result.lse, lse), ("dq", result.dq, dq), ("dk", result.dk, dk),
            ("dv", result.dv, dv),
        ]
        for (name, values, expected) in tensors {
            for (i, (value, bounded)) in zip(values, expected).enumerated() {
                // A NaN must not pass; below 1e-30 underflow counts.
                if !(abs(Double(value) - bounded.value) <= bounded.error * 1.01 + 1e-30) {
                    return "\(test): \(name)[\(i)] is \(value), expected \(bounded.value) within \(bounded.error)"
                }
            }
        }
        return nil
    }
}
