import ArgumentParser
import LensSupport

/// How an error ends the process: what standard error says, and the status.
///
/// Nothing ends with another status than those of `docs/exit-status.md`: what the parser refuses is 64, what nobody
/// foresaw is 70.
struct CommandLineError<Root: ParsableCommand> {
    /// One paragraph; nil when nothing is to be said.
    let message: String?
    let status: Int32

    /// - Parameter words: the command line without the program's name.
    init(_ error: any Error, words: [String]) {
        switch error {
        case let error as LensError:
            message = error.message
            status = error.kind == .interrupted ? Interrupts.status : error.kind.rawValue
        case let code as ExitCode:
            (message, status) = (nil, code.rawValue)
        default:
            switch Root.exitCode(for: error) {
            case .validationFailure:
                let problem = Self.paragraph(Root.message(for: error))
                message =
                    problem + Self.suggestedValue(problem) + Self.suggestedFlag(problem) + Self.explanation(error)
                    + " See '\(Command<Root>(namedBy: words[...]).name) --help'."
                status = ExitCode.validationFailure.rawValue
            default:
                message =
                    "Something went wrong that LongLens did not foresee: \(error). Nothing is wrong with the command "
                    + "line; please report it, with the command."
                status = 70
            }
        }
    }

    /// Throws `.usage` where the first words name a command that there is not, before options are looked at: they would
    /// be called wrong instead.
    static func checkCommand(_ words: [String]) throws(LensError) {
        let words = words.first == "help" ? words.dropFirst() : words[...]
        let command = Command<Root>(namedBy: words)
        guard !command.subcommands.isEmpty, words.count > command.depth else { return }
        let word = words[words.startIndex + command.depth]
        if word.hasPrefix("-") || word == "help" { return }
        let names = command.subcommands.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
        throw .usage(
            "\(command.name) has no command \"\(word)\"." + suggestion(for: word, among: names)
                + " The commands are: \(names.joined(separator: ", ")).")
    }

    /// The message's lines as one: the parser lists many values one a line.
    private static func paragraph(_ message: String) -> String {
        let lines = message.split(separator: "\n").map { line in
            let text = line.drop { $0 == " " }
            return text.hasPrefix("- ") ? "'\(text.dropFirst(2))'" : String(text)
        }
        guard let first = lines.first else { return "The command line cannot be read." }
        let text = ([first] + lines.dropFirst().map { "\($0)" }).reduce("") { text, line in
            text.isEmpty ? line : text + (text.hasSuffix(":") || !line.hasPrefix("'") ? " " : ", ") + line
        }
        return ".?!".contains(text.last ?? " ") ? text : text + "."
    }

    /// What `--help` says of the option that is wrong, where it is one.
    private static func explanation(_ error: any Error) -> String {
        let lines = Root.fullMessage(for: error).split(separator: "\n")
        guard let help = lines.first(where: { $0.hasPrefix("Help:  ") })?.dropFirst("Help:  ".count) else { return "" }
        return " (\(help.replacing("  ", with: ": ", maxReplacements: 1)))"
    }

    /// The parser suggests the options of a command, but not those that it has itself.
    private static func suggestedFlag(_ problem: String) -> String {
        let parts = problem.split(separator: "'", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "Unknown option " else { return "" }
        return suggestion(for: String(parts[1]), among: ["--help", "--version"])
    }

    /// Where the parser says which values there are, the one that is near the value given.
    private static func suggestedValue(_ problem: String) -> String {
        let parts = problem.split(separator: "lease provide one of", maxSplits: 1)
        guard parts.count == 2 else { return "" }
        func quoted(_ text: Substring) -> [String] {
            text.split(separator: "'", omittingEmptySubsequences: false).enumerated()
                .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        }
        let value = quoted(parts[0]).first ?? "", values = quoted(parts[1])
        let near = suggestion(for: value, among: values)
        return near.isEmpty ? suggestion(for: value.lowercased(), among: values) : near
    }
}

/// The command that the first words of a command line name: `bench train`.
private struct Command<Root: ParsableCommand> {
    private(set) var name = "longlens"
    private(set) var subcommands = Root.configuration.subcommands
    /// How many words name it.
    private(set) var depth = 0

    init(namedBy words: ArraySlice<String>) {
        for word in words {
            guard let next = subcommands.first(where: { $0._commandName == word }) else { return }
            name += " " + word
            subcommands = next.configuration.subcommands
            depth += 1
        }
    }
}
