import CLongLens
import LensKernels
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

private func kernelExp(_ context: Context, _ x: [Float]) -> [Float] {
    var out = [Float](repeating: 0, count: x.count)
    unsafe x.withUnsafeBufferPointer { x in
        unsafe out.withUnsafeMutableBufferPointer { out in
            guard let source = x.baseAddress, let target = out.baseAddress else { return }
            unsafe context.run { unsafe lens_exp($0, x.count, source, target) }
        }
    }
    return out
}

/// Distance from `exact` in units of the last place of the float nearest to it (subnormals included).
private func ulps(_ value: Float, from exact: Double) -> Double {
    let nearest = Float(exact)
    if nearest.isInfinite { return value == nearest ? 0 : .infinity }
    return abs(Double(value) - exact) / Double(max(nearest.ulp, .leastNonzeroMagnitude))
}

@Suite struct ExpTests {
    /// Floats spread over all exponents and both signs, and every float around the places where the result
    /// becomes subnormal, 0 or infinite.
    private static let sample: [Float] = {
        var bits = Array(stride(from: UInt32(0), through: 0xFFFF_FFFF - 2039, by: 2039))
        for centre in [-103.972_08, -103.278_93, -87.336_55, 88.722_84, 0.346_573_6, -0.346_573_6] as [Float] {
            bits += (centre.bitPattern - 2000)...(centre.bitPattern + 2000)
        }
        return bits.map(Float.init(bitPattern:))
    }()

    @Test func isWithinTwoUnitsOfTheLastPlaceEverywhere() throws {
        let exact = Self.sample.map { exp(Double($0)) }
        var results: [[Float]] = []
        try onEveryInstructionSet { context, atStart, name in
            if atStart { return }
            let result = kernelExp(context, Self.sample)
            var worst = 0.0
            for i in result.indices {
                if Self.sample[i].isNaN {
                    #expect(result[i].isNaN, "\(name)")
                    continue
                }
                let distance = ulps(result[i], from: exact[i])
                worst = max(worst, distance.isNaN ? .infinity : distance)
            }
            #expect(worst <= 2, "\(name): \(worst) ulp")
            results.append(result)
        }
        // Any two instruction sets within two units of each other, too.
        for result in results {
            for i in result.indices where result[i].isFinite && results[0][i].isFinite {
                let difference = abs(Double(result[i]) - Double(results[0][i]))
                if difference > 2 * Double(results[0][i].ulp) { Issue.record("\(Self.sample[i])") }
            }
        }
    }

    @Test func limitsAreExact() throws {
        try onEveryInstructionSet { context, _, name in
            let result = kernelExp(
                context, [.infinity, -.infinity, 0, -0, 89, -104, .greatestFiniteMagnitude, -1e30, .nan])
            #expect(result[0] == .infinity && result[1] == 0 && result[2] == 1 && result[3] == 1, "\(name)")
            #expect(result[4] == .infinity && result[5] == 0 && result[6] == .infinity && result[7] == 0, "\(name)")
            #expect(result[8].isNaN, "\(name)")
            for length in boundaryLengths {
                let x = randomFloats(length, seed: 1, scale: 20)
                #expect(
                    kernelExp(context, x) == x.map { kernelExp(context, [$0])[0] },
                    "the place of an element must not matter")
            }
        }
    }
}
