import LensFormats
import LensKernels

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Cosines and sines by which each row is rotated: [rows, headDimension / 2] each, from angles in double precision.
struct RotaryTable {
    private(set) var cosines: Matrix
    private(set) var sines: Matrix
    /// Sequences at whose beginnings the rows of the table begin anew; nil where each row of a sequence has its own.
    private(set) var spans: RowSpans?
    private let configuration: ModelConfiguration
    /// What the table holds.
    private var filled: Content?

    private enum Content: Equatable {
        /// Positions from 0.
        case ascending(RotaryFrequencies)
        case rows(SequenceLayout)
    }

    init(_ configuration: ModelConfiguration, length: Int, arena: Arena) {
        self.configuration = configuration
        cosines = arena.take("rotary cosines", rows: length, columns: configuration.headDimension / 2)
        sines = arena.take("rotary sines", rows: length, columns: configuration.headDimension / 2)
    }

    /// Fills the table for sequences that begin at position 0 and have the frequencies of `length` tokens; nothing to do
    /// when it holds the right values already.
    ///
    /// - Parameter spans: the sequences that are rotated at once; nil for one.
    mutating func prepare(length: Int, spans: RowSpans? = nil) {
        fill(RotaryFrequencies(configuration, length: length), spans: spans)
    }

    /// Fills the table with these; nothing to do when it holds them already.
    mutating func fill(_ frequencies: RotaryFrequencies, spans: RowSpans? = nil) {
        self.spans = spans
        if holds(frequencies) { return }
        for position in 0..<cosines.rows { fill(position, position: position, frequencies) }
        filled = .ascending(frequencies)
    }

    /// Fills the table for the rows of a training sequence.
    mutating func prepare(_ layout: SequenceLayout) {
        if layout.isPlain { return prepare(length: layout.spans.rows) }
        spans = nil
        if filled == .rows(layout) { return }
        var frequencies: RotaryFrequencies?
        var length = 0
        for document in 0..<layout.spans.count {
            let rows = layout.spans[document]
            if frequencies == nil || length != layout.reach ?? rows.count {
                length = layout.reach ?? rows.count
                frequencies = RotaryFrequencies(configuration, length: length)
            }
            guard let frequencies else { continue }
            for row in rows {
                fill(row, position: layout.positions.map { Int($0[row]) } ?? row - rows.lowerBound, frequencies)
            }
        }
        filled = .rows(layout)
    }

    private func fill(_ row: Int, position: Int, _ frequencies: RotaryFrequencies) {
        for (pair, frequency) in frequencies.inverse.enumerated() {
            let angle = Double(position) * frequency
            cosines[row, pair] = Float(cos(angle) * frequencies.attentionFactor)
            sines[row, pair] = Float(sin(angle) * frequencies.attentionFactor)
        }
    }

    /// How many positions it has.
    var length: Int { cosines.rows }

    func holds(_ frequencies: RotaryFrequencies) -> Bool { filled == .ascending(frequencies) }

    /// The same angles, of some positions alone.
    func rows(_ positions: Range<Int>) -> RotaryTable {
        var part = self
        (part.cosines, part.sines) = (cosines.rows(positions), sines.rows(positions))
        return part
    }
}
