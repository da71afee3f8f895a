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
        fill(RotaryFrequencies(configuration, length: length))
    }

    /// Fills the table with these; nothing to do when it holds them already.
    mutating func fill(_ frequencies: RotaryFrequencies) {
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

    /// How many positions it has.
    var length: Int { cosines.rows }

    func holds(_ frequencies: RotaryFrequencies) -> Bool { filled == frequencies }

    /// The same angles, of some positions alone.
    func rows(_ positions: Range<Int>) -> RotaryTable {
        var part = self
        (part.cosines, part.sines) = (cosines.rows(positions), sines.rows(positions))
        return part
    }
}
