import LensFormats

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The rotary frequencies of a model and the factor of its cosines and sines.
///
/// Formulas of transformers' `modeling_rope_utils`: YaRN's ramp is linear in the dimension index, as in its code.
package struct RotaryFrequencies: Equatable, Sendable {
    /// Radians per position of each rotated pair: headDimension / 2 of them.
    package let inverse: [Double]
    /// Multiplies cosines and sines.
    package let attentionFactor: Double

    /// The frequencies for sequences of `length` tokens; only `dynamic` and `longrope` depend on it.
    package init(_ configuration: ModelConfiguration, length: Int) {
        let d = configuration.headDimension
        let base = configuration.ropeTheta
        var inverse = Self.plain(base: base, dimension: d)
        var attentionFactor = 1.0
        switch configuration.ropeScaling {
        case .none: break
        case .linear(let factor):
            inverse = inverse.map { $0 / factor }
        case .dynamic(let factor):
            let original = Double(configuration.contextLength)
            if Double(length) > original {
                let stretch = factor * Double(length) / original - (factor - 1)
                inverse = Self.plain(base: base * pow(stretch, Double(d) / Double(d - 2)), dimension: d)
            }
        case .yarn(let yarn):
            inverse = Self.yarn(inverse, yarn, base: base, dimension: d)
            attentionFactor = Self.attentionFactor(yarn)
        case .llama3(let factor, let low, let high, let original):
            inverse = inverse.map { frequency in
                let wavelength = 2 * Double.pi / frequency
                if wavelength < Double(original) / high { return frequency }
                if wavelength > Double(original) / low { return frequency / factor }
                let smooth = (Double(original) / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        case .longrope(let short, let long, let factor, let given, let original):
            let divisors = length > original ? long : short
            inverse = zip(inverse, divisors).map { $0 / $1 }
            let stretch = factor ?? Double(configuration.contextLength) / Double(original)
            attentionFactor = given ?? (stretch <= 1 ? 1 : (1 + log(stretch) / log(Double(original))).squareRoot())
        }
        if let divisors = configuration.ropeFrequencyFactors {
            inverse = zip(inverse, divisors).map { $0 / Double($1) }
        }
        attentionFactor *= configuration.ropeAttentionFactor
        self.inverse = inverse
        self.attentionFactor = attentionFactor
    }

    private static func plain(base: Double, dimension: Int) -> [Double] {
        (0..<dimension / 2).map { pow(base, -2 * Double($0) / Double(dimension)) }
    }

    private static func yarn(_ plain: [Double], _ yarn: YarnScaling, base: Double, dimension: Int) -> [Double] {
        let d = Double(dimension)
        func correction(_ rotations: Double) -> Double {
            d * log(Double(yarn.originalContextLength) / (rotations * 2 * .pi)) / (2 * log(base))
        }
        var low = correction(yarn.betaFast)
        var high = correction(yarn.betaSlow)
        if yarn.truncate { (low, high) = (low.rounded(.down), high.rounded(.up)) }
        (low, high) = (max(low, 0), min(high, d - 1))
        if low == high { high += 0.001 }
        return plain.enumerated().map { index, frequency in
            let extrapolated = 1 - min(max((Double(index) - low) / (high - low), 0), 1)
            return frequency / yarn.factor * (1 - extrapolated) + frequency * extrapolated
        }
    }

    private static func attentionFactor(_ yarn: YarnScaling) -> Double {
        if let given = yarn.attentionFactor { return given }
        func scale(_ m: Double) -> Double { yarn.factor <= 1 ? 1 : 0.1 * m * log(yarn.factor) + 1 }
        if let m = yarn.mscale, let all = yarn.mscaleAllDim, m != 0, all != 0 { return scale(m) / scale(all) }
        return scale(1)
    }
}
