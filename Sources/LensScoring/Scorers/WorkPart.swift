/// Which part of the work some windows are, counted from its beginning, for telling progress. A window is a share of its
/// sequence.
package struct WorkPart: Sendable {
    /// Those of the first window.
    package var document: String
    package var sequence: Int
    /// Tokens of the longest window.
    package var longest: Int
    /// Bytes of the input, as they were given with the sequences.
    package var bytes: Range<Double>
    package var tokens: Range<Double>
    package var sequences: Range<Double>

    package init(
        document: String, sequence: Int = 0, longest: Int, bytes: Range<Double>, tokens: Range<Double>,
        sequences: Range<Double>
    ) {
        (self.document, self.sequence, self.longest) = (document, sequence, longest)
        (self.bytes, self.tokens, self.sequences) = (bytes, tokens, sequences)
    }

    /// From one share of it to another.
    func part(_ shares: Range<Double>) -> WorkPart {
        func part(_ range: Range<Double>) -> Range<Double> {
            let size = range.upperBound - range.lowerBound
            let start = range.lowerBound + shares.lowerBound * size
            return start..<max(start, range.lowerBound + shares.upperBound * size)
        }
        return WorkPart(
            document: document, sequence: sequence, longest: longest, bytes: part(bytes), tokens: part(tokens),
            sequences: part(sequences))
    }

    /// From its beginning to the end of a later part.
    func through(_ last: WorkPart, longest: Int) -> WorkPart {
        func through(_ range: Range<Double>, _ last: Range<Double>) -> Range<Double> {
            range.lowerBound..<max(range.lowerBound, last.upperBound)
        }
        return WorkPart(
            document: document, sequence: sequence, longest: longest, bytes: through(bytes, last.bytes),
            tokens: through(tokens, last.tokens), sequences: through(sequences, last.sequences))
    }
}
