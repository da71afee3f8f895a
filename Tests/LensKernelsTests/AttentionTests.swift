import CLongLens
import LensKernels
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct AttentionTests {
    /// All kernels on one case, against one reference.
    private func check(_ test: AttentionCase) throws {
        let reference = AttentionReference(test)
        for context in try contexts() {
            for atStart in [false, true] {
                let result = test.run(context, atStart: atStart)
                #expect(reference.complaint(about: result) == nil, "\(context.set)")
            }
        }
    }

    /// Sequence lengths around the tiles (8, 24, 48) and blocks (32, 64, 96), for sizes that fill vectors or not.
    @Test(arguments: [1, 3, 16, 20, 64, 80, 128])
    func matchesDoublePrecision(_ size: Int) throws {
        let groups = [1, 3, 4]
        for (index, tokens) in [1, 2, 7, 8, 9, 23, 25, 31, 47, 48, 49, 65, 95, 96, 97, 145].enumerated() {
            try check(
                AttentionCase(
                    tokens: tokens, keyValueHeads: 1 + index % 2, group: groups[(index + size) % 3], size: size,
                    seed: UInt64(tokens * 100 + size)))
        }
    }

    @Test(arguments: [(193, 2, 3, 16), (300, 1, 1, 20), (389, 1, 4, 64)])
    func matchesDoublePrecisionOverSeveralBlocks(_ t: Int, _ keyValueHeads: Int, _ group: Int, _ size: Int) throws {
        try check(AttentionCase(tokens: t, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2))
    }

    /// Windows around the tiles and blocks, and past the whole sequence; several chunks of the backward pass.
    @Test(arguments: [1, 2, 23, 24, 25, 64, 95, 97, 288, 500, 899, 900, 5000])
    func matchesDoublePrecisionInAWindow(_ window: Int) throws {
        for (tokens, keyValueHeads, group, size) in [(900, 2, 2, 8), (145, 1, 3, 20)] {
            var test = AttentionCase(
                tokens: tokens, keyValueHeads: keyValueHeads, group: group, size: size, magnitude: 2)
            test.window = window
            try check(test)
        }
    }

    /// Long enough for several blocks in one chunk of the backward pass.
    @Test func matchesDoublePrecisionOverALongSequence() throws {
        try check(AttentionCase(tokens: 3200, size: 3, magnitude: 2))
    }

    /// Enough heads for several tiles of queries in one piece of the forward pass.
    @Test func matchesDoublePrecisionWithManyHeads() throws {
        try check(AttentionCase(tokens: 801, keyValueHeads: 16, size: 2))
        try check(AttentionCase(tokens: 801, keyValueHeads: 1, group: 17, size: 2))
    }

    /// Queries without a gradient may be left out: the others' gradients and those of keys and values keep their bits.
    @Test(arguments: [1.0, 0.6, 0.1, 0.0], [nil, [1, 700, 0, 300, 499]])
    func queriesWithoutGradientMayBeLeftOut(share: Double, lengths: [Int]?) throws {
        let test = AttentionCase(tokens: 1500, keyValueHeads: 2, group: 2, size: 20)
        let width = test.heads * test.size, spans = lengths.map(RowSpans.init(lengths:))
        var generator = SeededGenerator(seed: 7)
        let kept = (0..<test.tokens).filter { _ in generator.unit() < share }
        let isKept = Set(kept)
        let masked = test.dout.enumerated().map { isKept.contains($0 / width) ? $1 : 0 }
        func rows(_ values: [Float], _ rows: [Int], width: Int) throws -> Matrix {
            try Matrix(
                rows: rows.count, columns: width, rows.flatMap { values[($0 * width)..<(($0 + 1) * width)] })
        }
        try onEveryRuntime { runtime, _ in
            let all = Array(0..<test.tokens)
            let keyWidth = test.keyValueHeads * test.size
            let (key, value) = (
                try rows(test.k, all, width: keyWidth), try rows(test.v, all, width: keyWidth)
            )
            let output = try Matrix(rows: test.tokens, columns: width)
            let logSumExp = try Matrix(rows: test.heads, columns: test.tokens)
            try runtime.attention(
                query: try rows(test.q, all, width: width), key: key, value: value, heads: test.heads,
                keyValueHeads: test.keyValueHeads, spans: spans, into: output, logSumExp: logSumExp)
            func gradients(_ positions: [Int]?) throws -> [[Float]] {
                let given = positions ?? all
                let query = try rows(test.q, given, width: width)
                let sums = try Matrix(
                    rows: test.heads, columns: given.count,
                    (0..<test.heads).flatMap { head in given.map { logSumExp[head, $0] } })
                let results = [
                    try Matrix(rows: given.count, columns: width),
                    try Matrix(rows: key.rows, columns: keyWidth),
                    try Matrix(rows: key.rows, columns: keyWidth),
                ]
                try runtime.attentionBackward(
                    query: query, key: key, value: value, output: try rows(output.array, given, width: width),
                    logSumExp: sums, outputGradient: try rows(masked, given, width: width),
                    heads: test.heads, keyValueHeads: test.keyValueHeads, spans: spans, positions: positions,
                    delta: try Matrix(rows: test.heads, columns: given.count), queryGradient: results[0],
                    keyGradient: results[1], valueGradient: results[2])
                return results.map(\.array)
            }
            let whole = try gradients(nil)
            let few = try gradients(kept)
            let expected = kept.flatMap { whole[0][($0 * width)..<(($0 + 1) * width)] }
            #expect(few[0] == expected && few[1] == whole[1] && few[2] == whole[2])
        }
    }

    /// The gradient of sum(out * dout), by moving each input a little.
    @Test func backwardMatchesCentralDifferences() throws {
        let test = AttentionCase(tokens: 5, keyValueHeads: 2, group: 2, size: 4, magnitude: 1.5)
        let step: Float = 1.0 / 64
        func loss(_ context: Context, _ change: (inout AttentionCase) -> Void) -> Double {
            var moved = test
            change(&moved)
            let out = moved.run(context).out
            return zip(out, test.dout).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        }
        func slope(_ context: Context, _ tensor: WritableKeyPath<AttentionCase, [Float]>, _ i: Int) -> Double {
            let up = loss(context) { $0[keyPath: tensor][i] += step }
            let down = loss(context) { $0[keyPath: tensor][i] -= step }
            return (up - down) / Double(2 * step)
        }
        for context in try contexts() {
            let result = test.run(context)
            // Truncation: step² / 6 times a third derivative of a few; rounding: 1e-7 / step.
            for i in test.q.indices { #expect(abs(slope(context, \.q, i) - Double(result.dq[i])) < 5e-4) }
            for i in test.k.indices { #expect(abs(slope(context, \.k, i) - Double(result.dk[i])) < 5e-4) }
            for i in test.v.indices { #expect(abs(slope(context, \.v, i) - Double(result.dv[i])) < 5e-4) }
        }
    }

    /// Scores of ±1e4 in both orders: the running maximum rises, or everything after the first key vanishes.
    @Test(arguments: [false, true])
    func hugeScoresStayFinite(rising: Bool) throws {
        var test = AttentionCase(tokens: 200, keyValueHeads: 1, group: 2, size: 16)
        let last = test.tokens - 1
        test.scale = 1
        for i in test.q.indices { test.q[i] = 25 }
        for j in 0...last {
            let score = Float(rising ? j : last - j) / Float(last) * 50 - 25
            for d in 0..<16 { test.k[j * 16 + d] = score }  // times 25 * 16: -1e4 ... 1e4
        }
        for context in try contexts() {
            let result = test.run(context)
            let all = result.out + result.lse + result.dq + result.dk + result.dv
            #expect(all.allSatisfy { $0.isFinite })
            // Neighbouring scores differ by 100: each query takes the value of its best key alone.
            for i in 0...last {
                let best = rising ? i : 0
                for head in 0..<2 {
                    let row = (i * 2 + head) * 16
                    #expect(Array(result.out[row..<(row + 16)]) == Array(test.v[(best * 16)..<(best * 16 + 16)]))
                    #expect(abs(result.lse[head * 200 + i] - 400 * test.k[best * 16]) < 0.01)
                }
            }
        }
    }

    /// Two keys with scores x and 0 give e^x / (1 + e^x): a few roundings, and those of x * log2(e).
    @Test func exponentialIsAccurate() throws {
        let heads = 3000
        var test = AttentionCase(tokens: 2, keyValueHeads: heads, size: 1)
        test.scale = 1
        for head in 0..<heads {
            let x = -Float(head) / 100
            (test.q[heads + head], test.k[head], test.k[heads + head]) = (1, x, 0)
            (test.v[head], test.v[heads + head]) = (1, 0)
        }
        for context in try contexts() {
            let result = test.run(context)
            for head in 0..<heads {
                let x = Double(test.k[head]), expected = 1 / (1 + exp(-x))
                let tolerance = (6 - 3 * x) * Double(Float.ulpOfOne) / 2
                #expect(abs(Double(result.out[heads + head]) / expected - 1) < tolerance, "x = \(x)")
            }
        }
    }

    /// A NaN or infinite score reaches its own rows and no others, and nothing hangs.
    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func nonfiniteScoresAreSeen(_ bad: Float) throws {
        let size = 16, tokens = 150, position = 70
        let test = AttentionCase(tokens: tokens, size: size)
        var badQuery = test, badKey = test
        badQuery.q[position * size] = bad
        for d in 0..<size { badKey.k[position * size + d] = d == 0 ? bad : 0 }
        for i in 0..<tokens { badKey.q[i * size] = abs(badKey.q[i * size]) + 0.1 }
        var goodKey = badKey
        for d in 0..<size { goodKey.k[position * size + d] = 0 }
        for context in try contexts() {
            let good = test.run(context), query = badQuery.run(context)
            for i in 0..<tokens {
                let row = (i * size)..<((i + 1) * size)
                if i == position {
                    #expect(query.out[row].allSatisfy { $0.isNaN } && query.lse[i].isNaN)
                } else {
                    #expect(query.out[row] == good.out[row] && query.lse[i] == good.lse[i])
                }
            }
            let key = badKey.run(context), without = goodKey.run(context)
            for i in 0..<tokens {
                let row = (i * size)..<((i + 1) * size)
                if i < position {
                    #expect(key.out[row] == without.out[row])
                } else if bad == -.infinity {
                    #expect(key.out[row].allSatisfy { $0.isFinite }, "such a key is simply not seen")
                } else {
                    #expect(key.out[row].allSatisfy { $0.isNaN })
                }
            }
        }
    }

    @Test func swiftFaceGivesTheSame() throws {
        let test = AttentionCase(tokens: 33, keyValueHeads: 2, group: 3, size: 20)
        let expected = test.run(try Context()), runtime = try Runtime()
        let q = try Matrix(rows: 33, columns: 120, test.q), k = try Matrix(rows: 33, columns: 40, test.k)
        let v = try Matrix(rows: 33, columns: 40, test.v), dout = try Matrix(rows: 33, columns: 120, test.dout)
        let out = try Matrix(rows: 33, columns: 120), lse = try Matrix(rows: 6, columns: 33)
        let dq = try Matrix(rows: 33, columns: 120), dk = try Matrix(rows: 33, columns: 40)
        let dv = try Matrix(rows: 33, columns: 40), delta = try Matrix(rows: 6, columns: 33)
        try runtime.attention(query: q, key: k, value: v, heads: 6, keyValueHeads: 2, into: out, logSumExp: lse)
        try runtime.attentionBackward(
            query: q, key: k, value: v, output: out, logSumExp: lse, outputGradient: dout, heads: 6,
            keyValueHeads: 2, delta: delta, queryGradient: dq, keyGradient: dk, valueGradient: dv)
        #expect(
            AttentionResult(out: out.array, lse: lse.array, dq: dq.array, dk: dk.array, dv: dv.array) == expected)
    }
}
