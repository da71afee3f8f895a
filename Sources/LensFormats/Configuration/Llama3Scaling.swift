#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

func logarithm(_ x: Double) -> Double { log(x) }

/// Llama 3.1's rotary scaling as GGUF stores it: one divisor for each rotary frequency.
enum Llama3Scaling {
    /// Frequencies of long waves are divided by `factor`, those of short ones kept, and those between interpolated.
    static func divisors(
        theta: Double, headDimension: Int, factor: Double, low: Double, high: Double, original: Int
    ) -> [Float] {
        let original = Double(original)
        return (0..<headDimension / 2).map { i in
            let frequency = pow(theta, -2 * Double(i) / Double(headDimension))
            let wavelength = 2 * Double.pi / frequency
            if wavelength < original / high { return 1 }
            if wavelength > original / low { return Float(factor) }
            let smooth = (original / wavelength - low) / (high - low)
            return Float(1 / ((1 - smooth) / factor + smooth))
        }
    }

    /// The settings that give these divisors, when they are those of a published model (Llama 3.1: 8, 3.2: 32; all
    /// with 1, 4 and 8192): GGUF keeps only the divisors, and other formats want the settings.
    static func recognized(_ divisors: [Float], _ configuration: ModelConfiguration) -> RopeScaling? {
        guard let factor = divisors.last, factor > 1, factor.isFinite,
            divisors.count == configuration.headDimension / 2
        else { return nil }
        let expected = Llama3Scaling.divisors(
            theta: configuration.ropeTheta, headDimension: configuration.headDimension, factor: Double(factor),
            low: 1, high: 4, original: 8192)
        // The divisors went through fp32 arithmetic of the program that wrote them.
        for (a, b) in zip(divisors, expected) where !(abs(a - b) <= 2e-5 * b) { return nil }
        return .llama3(
            factor: Double(factor), lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192)
    }
}
