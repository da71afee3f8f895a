import CLensReference
import CLongLens
import LensKernels
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

private struct RopeCase {
    var tokens = 3, heads = 2, headSize: Int, rotary: Int

    var cosine: [Float] { angles.map { Float(cos($0)) } }
    var sine: [Float] { angles.map { Float(sin($0)) } }
    private var angles: [Double] {
        (0..<tokens * rotary / 2).map {
            Double($0 / max(1, rotary / 2)) * pow(10000, -2 * Double($0 % max(1, rotary / 2)) / Double(rotary))
        }
    }

    func reference(_ x: [Double]) -> [Double] {
        var out = x
        unsafe reference_rope_forward(tokens, heads, headSize, rotary, cosine.doubles, sine.doubles, &out)
        return out
    }
}

@Suite struct RopeTests {
    @Test func forwardAgreesWithDoublePrecision() throws {
        try onEveryInstructionSet { context, atStart, name in
            for rotary in [0, 2, 4, 14, 16, 18, 30, 32, 34, 64, 66, 128] {
                for headSize in [rotary, rotary + 3] where headSize > 0 {
                    let shape = RopeCase(headSize: headSize, rotary: rotary)
                    let x = randomFloats(shape.tokens * shape.heads * headSize, seed: 1, scale: 1)
                    let buffer = GuardedBuffer(x, atStart: atStart)
                    let cosine = GuardedBuffer(shape.cosine, atStart: atStart)
                    let sine = GuardedBuffer(shape.sine, atStart: atStart)
                    unsafe withPointers(buffer, cosine, sine) { buffer, cosine, sine in
                        unsafe context.run {
                            unsafe lens_rope_forward(
                                $0, shape.tokens, lens_spans(), shape.heads, headSize, rotary, cosine, sine, buffer)
                        }
                    }
                    expectClose(
                        buffer.array, shape.reference(x.doubles), within: { _ in 4 * unitRoundoff },
                        "\(name) \(rotary) of \(headSize)")
                    for i in x.indices where i % headSize >= rotary { #expect(buffer.array[i] == x[i]) }
                }
            }
        }
    }

    @Test func backwardAgreesWithCentralDifferences() throws {
        try onEveryInstructionSet { context, atStart, name in
            for rotary in [2, 16, 18, 34] {
                let shape = RopeCase(headSize: rotary + 1, rotary: rotary)
                let count = shape.tokens * shape.heads * shape.headSize
                let x = randomFloats(count, seed: 2), dout = randomFloats(count, seed: 3)
                let expected = centralDifferences(at: x.doubles) { dot(shape.reference($0), dout) }
                let buffer = GuardedBuffer(dout, atStart: atStart)
                let cosine = GuardedBuffer(shape.cosine, atStart: atStart)
                let sine = GuardedBuffer(shape.sine, atStart: atStart)
                unsafe withPointers(buffer, cosine, sine) { buffer, cosine, sine in
                    unsafe context.run {
                        unsafe lens_rope_backward(
                            $0, shape.tokens, shape.heads, shape.headSize, rotary, cosine, sine, buffer)
                    }
                }
                expectClose(buffer.array, expected, within: { _ in 4 * unitRoundoff + 1e-8 }, "\(name) \(rotary)")
            }
        }
    }

    @Test func bitsDoNotDependOnThreads() throws {
        var shape = RopeCase(headSize: 64, rotary: 64)
        (shape.tokens, shape.heads) = (700, 3)
        let cosine = try Matrix(rows: shape.tokens, columns: 32, shape.cosine)
        let sine = try Matrix(rows: shape.tokens, columns: 32, shape.sine)
        let x = randomFloats(shape.tokens * 192, seed: 4)
        try expectSameBitsForAnyThreadCount("rope") { runtime in
            let there = try Matrix(rows: shape.tokens, columns: 192, x)
            let back = try Matrix(rows: shape.tokens, columns: 192, x)
            try runtime.rotate(there, cosine: cosine, sine: sine, heads: 3)
            try runtime.rotateBackward(back, cosine: cosine, sine: sine, heads: 3)
            #expect(there.array != back.array)
            return [there.array, back.array]
        }
    }

    /// Each of several sequences begins with the first row of angles.
    @Test func sequencesSideBySideAreAsAlone() throws {
        let lengths = [3, 0, 400, 1, 1, 250], heads = 2, columns = 64
        let cosine = try Matrix(rows: 400, columns: 16, randomFloats(400 * 16, seed: 4))
        let sine = try Matrix(rows: 400, columns: 16, randomFloats(400 * 16, seed: 5))
        let spans = RowSpans(lengths: lengths)
        let x = randomFloats(spans.rows * columns, seed: 6)
        for set in InstructionSet.supported {
            let runtime = try Runtime(threads: 3, instructionSet: set)
            let together = try Matrix(rows: spans.rows, columns: columns, x)
            let alone = try Matrix(rows: spans.rows, columns: columns, x)
            try runtime.rotate(together, cosine: cosine, sine: sine, heads: heads, spans: spans)
            for i in 0..<spans.count where !spans[i].isEmpty {
                try runtime.rotate(
                    alone.rows(spans[i]), cosine: cosine.rows(0..<spans[i].count), sine: sine.rows(0..<spans[i].count),
                    heads: heads)
            }
            #expect(together.array == alone.array && together.array != x)
        }
    }
}
