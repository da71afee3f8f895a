import Testing

/// Half the distance from 1 to the next float: the relative error of one rounded operation.
let unitRoundoff = Double(Float.ulpOfOne) / 2

/// Lengths around the vector widths (8 and 16), their multiples and what is left over.
let boundaryLengths = [1, 2, 3, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 100, 257]

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
