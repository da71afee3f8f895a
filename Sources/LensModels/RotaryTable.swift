import LensFormats
import LensKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Cosines and sines of every position and pair: [length, headDimension / 2] each, from angles in double precision.
struct RotaryTable {
    private(set) var cosines: Matrix
    private(set) var sines: Matrix
    private let configuration: ModelConfiguration
    /// Those that the table holds.
    private var filled: RotaryFrequencies?

    init(_ configuration: ModelConfiguration, length: Int, arena: Arena) {
        self.configuration = configuration
        cosines = arena.take("rotary cosines", rows: length, columns: configuration.headDimension / 2)
        sines = arena.take("rotary sines", rows: length, columns: configuration.headDimension / 2)
    }

    /// Fills the table for a sequence of `length` tokens; nothing to do when it holds the right values already.
    mutating func prepare(length: Int) {
        let frequencies = RotaryFrequencies(configuration, length: length)
        if filled == frequencies { return }
        for position in 0..<cosines.rows {
            for (pair, frequency) in frequencies.inverse.enumerated() {
                let angle = Double(position) * frequency
                cosines[position, pair] = Float(cos(angle) * frequencies.attentionFactor)
                sines[position, pair] = Float(sin(angle) * frequencies.attentionFactor)
            }
        }
        filled = frequencies
    }
}
