import ArgumentParser
import LensCommands
import LensSupport
import LongLens

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Prints the manual page, for `scripts/install`. It is made of what `--help` is made of, so that it cannot be out of date.
struct Manual: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Prints the manual page of longlens, section 1, as roff.", shouldDisplay: false)

    mutating func run() throws {
        let help = try JSONDecoder().decode(HelpDump.self, from: Data(LongLensCommand._dumpHelp().utf8))
        try StandardOutput.write(ManualPage(root: help.command).text)
    }
}

/// What ArgumentParser tells about a program (`--experimental-dump-help`), as far as a manual shows it.
struct HelpDump: Decodable {
    struct Command: Decodable {
        let commandName: String
        let abstract, discussion: String?
        let shouldDisplay: Bool?
        let subcommands: [Command]?
        let arguments: [Argument]?

        /// Those a user is shown; the parser's own `help` is explained once for all.
        var shownCommands: [Command] {
            (subcommands ?? []).filter { $0.shouldDisplay != false && $0.commandName != "help" }
        }
        var shownArguments: [Argument] {
            (arguments ?? []).filter { argument in
                argument.shouldDisplay && !(argument.names ?? []).contains { ["help", "version"].contains($0.name) }
            }
        }
    }

    struct Argument: Decodable {
        struct Name: Decodable { let kind, name: String }
        let kind: String
        let shouldDisplay, isOptional, isRepeating: Bool
        let names: [Name]?
        let valueName, defaultValue, abstract: String?
        let allValues: [String]?
    }

    let command: Command
}

/// A manual page in the `man` macros of roff.
struct ManualPage {
    let root: HelpDump.Command

    var text: String {
        var lines = [
            ".TH LONGLENS 1 \"\(longLensVersionDate)\" \"longlens \(longLensVersion)\" \"User Commands\"",
            ".SH NAME", "longlens \\- " + Self.sentence(root.abstract),
            ".SH SYNOPSIS", "\\fBlonglens\\fR \\fIcommand\\fR [\\fIoption\\fR ...] [\\fIargument\\fR ...]",
            ".SH DESCRIPTION",
        ]
        lines += Self.paragraphs(root.discussion)
        lines += [
            ".PP", "Results go to standard output, everything else to standard error.",
            "\\fBlonglens\\fR \\fIcommand\\fR \\fB\\-\\-help\\fR explains a command, \\fBlonglens \\-\\-version\\fR says which this is.",
            ".SH COMMANDS",
        ]
        for command in root.shownCommands { lines += section(command, "longlens") }
        lines += [".SH EXIT STATUS"]
        for (status, meaning) in Self.statuses { lines += [".TP", ".B \(status)", Self.escaped(meaning)] }
        lines += [".SH ENVIRONMENT"]
        for (name, meaning) in Self.environment { lines += [".TP", ".B \(name)", Self.escaped(meaning)] }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ command: HelpDump.Command, _ parents: String) -> [String] {
        let name = "\(parents) \(command.commandName)"
        if !command.shownCommands.isEmpty { return command.shownCommands.flatMap { section($0, name) } }
        var lines = [".SS \(Self.escaped(name))"]
        let usage = command.shownArguments.filter { !$0.isOptional || $0.kind == "positional" }.map(Self.synopsis)
        lines.append((["\\fB\(Self.escaped(name))\\fR [\\fIoption\\fR ...]"] + usage).joined(separator: " "))
        lines += [".PP", Self.escaped(command.abstract ?? "")]
        if command.discussion != nil { lines += [".PP"] + Self.paragraphs(command.discussion) }
        for argument in command.shownArguments {
            lines += [".TP", Self.heading(argument), Self.explanation(argument)]
        }
        return lines
    }

    /// `--context <context>`, or `document ...`.
    private static func synopsis(_ argument: HelpDump.Argument) -> String {
        let value = "\\fI\(escaped(argument.valueName ?? "value"))\\fR" + (argument.isRepeating ? " ..." : "")
        guard argument.kind != "positional", let name = argument.names?.last else { return value }
        return "\(flag(name)) \(value)"
    }

    private static func heading(_ argument: HelpDump.Argument) -> String {
        let value = "\\fI\(escaped(argument.valueName ?? "value"))\\fR"
        if argument.kind == "positional" { return value }
        let names = (argument.names ?? []).map(flag).joined(separator: ", ")
        return argument.kind == "flag" ? names : "\(names) \(value)"
    }

    private static func flag(_ name: HelpDump.Argument.Name) -> String {
        "\\fB\(escaped((name.kind == "long" ? "--" : "-") + name.name))\\fR"
    }

    private static func explanation(_ argument: HelpDump.Argument) -> String {
        var parts = [argument.abstract ?? ""]
        if let values = argument.allValues, !values.isEmpty {
            parts.append("One of \(values.joined(separator: ", ")).")
        }
        if let value = argument.defaultValue { parts.append("Default: \(value).") }
        return escaped(parts.filter { !$0.isEmpty }.joined(separator: " "))
    }

    private static func paragraphs(_ text: String?) -> [String] {
        (text ?? "").split(separator: "\n").flatMap { [escaped(String($0)), ".br"] }.dropLast()
    }

    /// As NAME wants it: no capital, no full stop.
    private static func sentence(_ text: String?) -> String {
        let text = text ?? ""
        return escaped(text.prefix(1).lowercased() + text.dropFirst().trimmingSuffix("."))
    }

    private static func escaped(_ text: String) -> String {
        let plain = text.unicodeScalars.map { scalar in
            switch scalar {
            case "\\": "\\e"
            case "-": "\\-"
            case _ where scalar.isASCII: String(scalar)
            default: Self.character(scalar)
            }
        }.joined()
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }

    /// A character beyond ASCII, which roff takes in any locale so: `\[u03BB]`.
    private static func character(_ scalar: Unicode.Scalar) -> String {
        "\\[u\(digits(scalar.value, atLeast: 4, radix: 16).uppercased())]"
    }

    private static let statuses = [
        ("0", "Done."), ("64", "Wrong usage."),
        ("65", "Bad data: a malformed model, tokenizer, document, score file or recipe."),
        ("66", "An input is missing."),
        ("70", "An internal error."), ("71", "The machine cannot: memory, instruction set."),
        ("74", "Reading or writing failed: a full disk, a missing permission."),
        ("130", "Interrupted by Ctrl-C; what was done is kept, and said."),
        ("128 + n", "Ended in the same way by signal n."),
    ]

    private static let environment = [
        (
            "LONGLENS_ISA",
            "scalar, avx2, avx512 or neon: the instruction set to use, at most the machine's; with -novnni, -nobf16, -nodotprod or -noi8mm behind it without that feature."
        ),
        ("NO_COLOR", "No colours in the output of weigh --text."),
        ("TERM", "dumb: no colours, and no line of progress that is drawn again."),
    ]
}

extension Substring {
    fileprivate func trimmingSuffix(_ suffix: String) -> String {
        String(hasSuffix(suffix) ? dropLast(suffix.count) : self)
    }
}
