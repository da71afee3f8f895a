/// What went wrong with something the user gave, or with the machine it runs on.
///
/// The message is one paragraph: what was wrong, in which file (tensor, line, offset), what was expected, what to do.
public struct LensError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The kind decides the exit status of the command line tool.
    public enum Kind: Int32, Sendable {
        /// Wrong usage: an unknown scheme, a setting outside its range.
        case usage = 64
        /// Malformed model, tokenizer, document, score file or recipe.
        case data = 65
        /// An input that is not there.
        case missing = 66
        /// The machine cannot: memory, instruction set.
        case machine = 71
        /// Reading or writing failed: disk full, permission.
        case io = 74
        /// Interrupted by the user; what was done is saved.
        case interrupted = 130
    }

    public let kind: Kind
    public let message: String

    /// An error of this kind.
    public init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    public var description: String { message }

    /// Wrong usage.
    public static func usage(_ message: String) -> LensError { LensError(.usage, message) }
    /// Malformed data.
    public static func data(_ message: String) -> LensError { LensError(.data, message) }
    /// An input that is not there.
    public static func missing(_ message: String) -> LensError { LensError(.missing, message) }
    /// The machine cannot.
    public static func machine(_ message: String) -> LensError { LensError(.machine, message) }
    /// Reading or writing failed.
    public static func io(_ message: String) -> LensError { LensError(.io, message) }
}
