import ArgumentParser
import LensSupport

@main
enum Main {
    static func main() {
        Process.prepare()
        let words = Process.arguments
        do {
            do {
                try CommandLineError.checkCommand(words)
                var command = try LongLensCommand.parseAsRoot(words)
                try command.run()
            } catch  where !(error is LensError) && LongLensCommand.exitCode(for: error) == .success {
                // Help, the version, a completion script: results, which may fail to be written.
                let text = LongLensCommand.fullMessage(for: error)
                if !text.isEmpty { try StandardOutput.writeLine(text) }
            }
        } catch {
            let ending = CommandLineError(error, words: words)
            // One paragraph, whatever the terminal's width.
            if let message = ending.message { StandardError.write("longlens: \(message.printable)\n") }
            Process.exit(ending.status)
        }
    }
}
