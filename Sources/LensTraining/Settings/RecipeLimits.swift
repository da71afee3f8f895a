import LensSupport

/// Looks over the text of a recipe before it is parsed, so that one of a few hundred bytes cannot grow without end:
/// aliases that stand for aliases multiply, and deep nesting takes the stack.
///
/// It reads no YAML: where it takes a character of a text for an alias or a bracket, it errs on the side that the limits
/// have room for.
struct RecipeLimits {
    /// Aliases (`*name`) that a recipe may have: with so few, what they stand for cannot grow much.
    static let aliases = 8
    /// Levels of lists and mappings within each other.
    static let depth = 32

    private let path: String
    private var line = 1
    private var aliasCount = 0
    private var brackets = 0

    /// `.data` with the line for a text past a limit.
    static func check(_ text: String, path: String) throws(LensError) {
        var limits = RecipeLimits(path: path)
        try limits.read(Array(text.utf8))
    }

    private init(path: String) { self.path = path }

    private mutating func read(_ bytes: [UInt8]) throws(LensError) {
        var quote: UInt8?
        // True where a word may begin; false within one.
        var atStart = true
        var isComment = false
        // Spaces and list marks at the beginning of the line: each level of a block takes one at least.
        var opening: Int? = 0
        for byte in bytes {
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") {
                if byte == UInt8(ascii: "\n") { line += 1 }
                (atStart, isComment, opening) = (true, false, 0)
                continue
            }
            if let open = quote {
                if byte == open { quote = nil }
                continue
            }
            if isComment { continue }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"):
                atStart = true
                opening? += 1
                continue
            case UInt8(ascii: "-"), UInt8(ascii: "?"), UInt8(ascii: ":"):
                opening? += 1
                try checkDepth(opening ?? 0, limit: 16 * Self.depth)
                atStart = false
                continue
            case UInt8(ascii: "#") where atStart: isComment = true
            case UInt8(ascii: "'") where atStart, UInt8(ascii: "\"") where atStart: quote = byte
            case UInt8(ascii: "*") where atStart: try addAlias()
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                guard atStart else { break }
                brackets += 1
                try checkDepth(brackets, limit: Self.depth)
                opening = nil
                continue
            case UInt8(ascii: "]"), UInt8(ascii: "}"): brackets = max(0, brackets - 1)
            case UInt8(ascii: ","):
                opening = nil
                atStart = true
                continue
            default: break
            }
            try checkDepth(opening ?? 0, limit: 16 * Self.depth)
            (atStart, opening) = (false, nil)
        }
    }

    private mutating func addAlias() throws(LensError) {
        aliasCount += 1
        guard aliasCount > Self.aliases else { return }
        throw .data(
            "\(path) line \(line): the recipe has more than \(Self.aliases) aliases (*name). Settings are plain words; "
                + "write them out.")
    }

    private func checkDepth(_ depth: Int, limit: Int) throws(LensError) {
        guard depth > limit else { return }
        throw .data(
            "\(path) line \(line): lists and mappings lie too deep within each other. A recipe is a plain list of "
                + "settings, such as \"context: 8192\".")
    }
}
