import ArgumentParser
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Whether text is coloured.
enum ColorChoice: String, ExpressibleByArgument, CaseIterable {
    case auto, always, never

    /// `auto` is on where standard output is a terminal that is not dumb, unless NO_COLOR is set (no-color.org).
    func isOn(toStandardOutput: Bool) -> Bool {
        switch self {
        case .always: true
        case .never: false
        case .auto:
            toStandardOutput && isatty(STDOUT_FILENO) == 1 && environment("TERM") ?? "dumb" != "dumb"
                && environment("NO_COLOR") ?? "" == ""
        }
    }
}

/// Shows scores in text: as background colours, or in brackets where there are none.
struct TokenPainter {
    let colored: Bool

    /// What is below is not marked, in nats; a probability then changes by about a quarter at most.
    private static let thresholds = [0.25, 0.5, 1, 2]
    /// Background and foreground of each threshold among the terminal's 256 colours: the darker the weaker.
    private static let helped = [(22, 231), (28, 231), (34, 16), (46, 16)]
    private static let hurt = [(52, 231), (88, 231), (124, 231), (196, 16)]

    /// One line that explains the marks.
    var legend: String {
        guard colored else {
            return
                "[text +x]: the long context lowers the loss by x nats; -x: it raises it; below 0.25 nothing is marked"
        }
        let scores = Self.thresholds.reversed().map { -$0 } + Self.thresholds
        let marks = scores.map { painted("\($0 < 0 ? "" : " ")\(Format.decimal($0, 2)) ", $0) }
        return "the long context raises the loss by so many nats\(" ")\(marks.joined()) lowers it"
    }

    func paint(_ pieces: [TextPiece]) -> String {
        pieces.map { piece in
            guard let score = piece.score, score.magnitude >= Self.thresholds[0] else { return piece.text }
            return colored ? painted(piece.text, score) : bracketed(piece.text, score)
        }.joined()
    }

    /// The colour ends before a line feed, or it would run on to the edge of the terminal.
    private func painted(_ text: String, _ score: Double) -> String {
        let level = (Self.thresholds.lastIndex { score.magnitude >= $0 } ?? 0)
        let (background, foreground) = score > 0 ? Self.helped[level] : Self.hurt[level]
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.isEmpty ? "" : "\u{1B}[48;5;\(background);38;5;\(foreground)m\(line)\u{1B}[0m"
        }.joined(separator: "\n")
    }

    /// ` [whale +1.32]`: blanks stay outside.
    private func bracketed(_ text: String, _ score: Double) -> String {
        let leading = text.prefix { $0.isWhitespace }
        let rest = text.dropFirst(leading.count)
        let number = "\(score > 0 ? "+" : "")\(Format.decimal(score, 2))"
        return rest.isEmpty ? "[\(number)]\(leading)" : "\(leading)[\(rest) \(number)]"
    }
}
