import LensSupport

/// `count` reproducible numbers, uniform in [-scale, scale].
public func randomFloats(_ count: Int, seed: UInt64, scale: Float = 1) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in (Float(generator.unit()) * 2 - 1) * scale }
}
