import CLongLens
import LensKernels
import LensTestSupport
import Testing

/// Half the distance from 1 to the next float: the relative error of one rounded operation.
let unitRoundoff = Double(Float.ulpOfOne) / 2

/// Lengths around the vector widths (8 and 16), their multiples and what is left over.
let boundaryLengths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 257]

/// Runs `body` once for each instruction set of this machine and each end of guarded memory.
func onEveryInstructionSet(_ body: (_ atStart: Bool, _ name: String) throws -> Void) throws {
    defer { lens_isa_use(lens_isa_best()) }
    for set in LensKernels.InstructionSet.supported {
        try set.use()
        try body(false, set.rawValue)
        try body(true, set.rawValue)
    }
}

/// Runs `body` with 1, 2, 3 and 5 threads on each instruction set, and complains when the bits differ.
func expectSameBitsForAnyThreadCount(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> [[Float]]
) throws {
    let threads = lens_thread_count()
    defer {
        lens_isa_use(lens_isa_best())
        lens_set_thread_count(threads)
    }
    for set in LensKernels.InstructionSet.supported {
        try set.use()
        lens_set_thread_count(1)
        let expected = try body().map { $0.map(\.bitPattern) }
        for count in [2, 3, 5] {
            lens_set_thread_count(count)
            let same = try body().map { $0.map(\.bitPattern) } == expected
            #expect(same, "\(what), \(set.rawValue), \(count) threads", sourceLocation: sourceLocation)
        }
    }
}

/// Complains about the first element that is further from the expected one than its tolerance; NaN never passes.
func expectClose(
    _ result: [Float], _ expected: [Double], within tolerance: (Int) -> Double, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(result.count == expected.count, sourceLocation: sourceLocation)
    for i in expected.indices where !(abs(Double(result[i]) - expected[i]) <= tolerance(i)) {
        Issue.record(
            "\(what): element \(i) is \(result[i]), expected \(expected[i]) within \(tolerance(i))",
            sourceLocation: sourceLocation)
        return
    }
}

/// The gradient of `function` at `point` by central differences.
func centralDifferences(at point: [Double], step: Double = 1e-5, of function: ([Double]) -> Double) -> [Double] {
    point.indices.map { i in
        var moved = point
        moved[i] = point[i] + step
        let after = function(moved)
        moved[i] = point[i] - step
        return (after - function(moved)) / (2 * step)
    }
}

/// The inner product of two vectors in double precision.
func dot(_ a: [Double], _ b: [Float]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * Double($1.1) } }

extension Array where Element == Float {
    var doubles: [Double] { map(Double.init) }
}
