import LensSupport

/// What encoding one document may cost, so that no tokenizer file makes it endless: a number of steps in proportion to
/// the document's length, and a length of the normalized text.
///
/// Counts steps, never time: the same document fails at the same place everywhere.
struct DocumentBudget: Sendable {
    /// Steps of matching for each byte that a pattern is to cut, and for a document whatever its length.
    static let stepsPerByte = 128
    static let leastSteps = 1 << 20
    /// Bytes that normalization may make of a byte, and of a document whatever its length.
    static let growth = 16
    static let leastGrowth = 1 << 16

    private var steps: Int
    private var bytes: Int

    init(byteCount: Int = 0) {
        steps = Self.leastSteps + Self.stepsPerByte * byteCount
        bytes = Self.leastGrowth + Self.growth * byteCount
    }

    /// Text that a pattern will cut.
    mutating func add(byteCount: Int) { steps += Self.stepsPerByte * byteCount }

    /// False when there are not so many steps left.
    mutating func take(steps count: Int) -> Bool {
        guard count <= steps else { return false }
        steps -= count
        return true
    }

    /// Bytes that a step of normalization may still make.
    var bytesLeft: Int { bytes }

    /// Takes text that normalization made.
    mutating func take(bytes count: Int) throws(LensError) {
        guard count <= bytes else { throw Self.grown() }
        bytes -= count
    }

    static func grown() -> LensError {
        .data(
            "the normalizer makes the text more than \(growth) times as long; the tokenizer's description is at fault.")
    }
}
