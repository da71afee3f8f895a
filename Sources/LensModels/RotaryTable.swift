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
    private var filledLength = 0

    init(_ configuration: ModelConfiguration, length: Int, arena: Arena) {
        self.configuration = configuration
        cosines = arena.take("rotary cosines", rows: length, columns: configuration.headDimension / 2)
        sines = arena.take("rotary sines", rows: length, columns: configuration.headDimension / 2)
    }

    private init(_ whole: RotaryTable, length: Int) {
        self = whole
        cosines = whole.cosines.rows(0..<length)
        sines = whole.sines.rows(0..<length)
    }

    /// The table of the first `length` positions.
    func prefix(_ length: Int) -> RotaryTable { RotaryTable(self, length: length) }

    /// Fills the table for a sequence of `length` tokens; nothing to do when it holds the right values already.
    mutating func prepare(length: Int) {
        let varies = RotaryFrequencies.dependOnLength(configuration)
        if filledLength == length || (!varies && filledLength == cosines.rows) { return }
        let frequencies = RotaryFrequencies(configuration, length: length)
        for position in 0..<cosines.rows {
            for (pair, frequency) in frequencies.inverse.enumerated() {
                let angle = Double(position) * frequency
                cosines[position, pair] = Float(cos(angle) * frequencies.attentionFactor)
                sines[position, pair] = Float(sin(angle) * frequencies.attentionFactor)
            }
        }
        filledLength = varies ? length : cosines.rows
    }
}
