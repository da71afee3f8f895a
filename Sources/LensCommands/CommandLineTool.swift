import ArgumentParser
import LensSupport

/// A program of commands: what `main` of each of them is.
package enum CommandLineTool {
    /// Runs the command that the process's arguments name. Every end that is not success says why on standard error, and
    /// exits with a status of `docs/exit-status.md`.
    ///
    /// - Parameter root: the program, whose commands are its subcommands.
    package static func run<Root: ParsableCommand>(_ root: Root.Type) {
        Process.prepare()
        let words = Process.arguments
        do {
            do {
                try CommandLineError<Root>.checkCommand(words)
                var command = try root.parseAsRoot(words)
                try command.run()
            } catch  where !(error is LensError) && root.exitCode(for: error) == .success {
                // Help, the version, a completion script: results, which may fail to be written.
                let text = root.fullMessage(for: error)
                if !text.isEmpty { try StandardOutput.writeLine(text) }
            }
        } catch {
            let ending = CommandLineError<Root>(error, words: words)
            // One paragraph, whatever the terminal's width.
            if let message = ending.message { StandardError.write("longlens: \(message.printable)\n") }
            Process.exit(ending.status)
        }
    }
}
