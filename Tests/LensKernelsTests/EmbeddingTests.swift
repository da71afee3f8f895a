import CLongLens
import LensKernels
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct EmbeddingTests {
    private let vocabulary = 11
    private let tokens: [Int32] = [0, 10, 3, 3, 7, 3, 10, 0, 3]

    @Test func rowsAreCopied() throws {
        try onEveryInstructionSet { context, atStart, name in
            for columns in boundaryLengths {
                let table = randomFloats(vocabulary * columns, seed: 1)
                let source = GuardedBuffer(table, atStart: atStart)
                let out = GuardedBuffer<Float>(count: tokens.count * columns, atStart: atStart)
                unsafe withPointers(out, source) { out, source in
                    unsafe context.run { unsafe lens_embedding_forward($0, tokens.count, columns, source, tokens, out) }
                }
                let expected = tokens.flatMap { table[Int($0) * columns..<(Int($0) + 1) * columns] }
                #expect(out.array == expected, "\(name) \(columns)")
            }
        }
    }

    @Test func gradientsOfRepeatedTokensAddUpInOrder() throws {
        try onEveryInstructionSet { context, atStart, name in
            for columns in boundaryLengths {
                let dout = randomFloats(tokens.count * columns, seed: 2)
                var expected = randomFloats(vocabulary * columns, seed: 3)
                let sum = GuardedBuffer(expected, atStart: atStart),
                    gradient = GuardedBuffer(dout, atStart: atStart)
                unsafe withPointers(sum, gradient) { sum, gradient in
                    unsafe context.run {
                        unsafe lens_embedding_backward($0, tokens.count, columns, gradient, tokens, sum)
                    }
                }
                for (t, token) in tokens.enumerated() {
                    for c in 0..<columns { expected[Int(token) * columns + c] += dout[t * columns + c] }
                }
                #expect(sum.array == expected, "\(name) \(columns)")
            }
        }
    }

    @Test func rangesChooseTokensAndThreadsChangeNothing() throws {
        let columns = 200, range = 2..<8
        let table = try Matrix(rows: vocabulary, columns: columns, randomFloats(vocabulary * columns, seed: 4))
        try expectSameBitsForAnyThreadCount("embedding") { runtime in
            let out = try Matrix(rows: range.count, columns: columns)
            try runtime.embed(tokens, in: range, table: table, into: out)
            for (row, t) in range.enumerated() { #expect(out[row, 5] == table[Int(tokens[t]), 5]) }
            let sum = try Matrix(rows: vocabulary, columns: columns)
            try runtime.embedBackward(out, tokens: tokens, in: range, tableGradient: sum)
            #expect(sum[3, 0] == 3 * table[3, 0] && sum[1, 0] == 0)
            return [out.array, sum.array]
        }
    }

    /// By a trap, and not by anything else that could go wrong on the way there.
    @Test func onlyATokenPastTheTableStopsTheProgram() async {
        await #expect(processExitsWith: .success) { try embedOne(10) }
        await #expect(processExitsWith: trap) { try embedOne(11) }
        await #expect(processExitsWith: trap) { try embedOne(-1) }
    }
}

private func embedOne(_ token: Int32) throws {
    let table = try Matrix(rows: 11, columns: 2), output = try Matrix(rows: 1, columns: 2)
    try Runtime(threads: 1).embed([token], table: table, into: output)
}

/// How a failed precondition ends a program.
#if arch(x86_64)
    private let trap = ExitTest.Condition.signal(SIGILL)
#else
    private let trap = ExitTest.Condition.signal(SIGTRAP)
#endif
