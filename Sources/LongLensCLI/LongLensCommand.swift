import ArgumentParser
import LensSupport
import LongLens

/// The version that `--version`, benchmark headers and saved files carry.
let version = "0.1.0"

/// The day of that version, which the manual page carries.
let versionDate = "2026-11-25"

struct LongLensCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "longlens",
        abstract: "Trains and scores language models on long documents, on the CPU.",
        discussion: """
            A model is a .gguf file, a Hugging Face folder, or a llama2.c .bin with --tokenizer.
            A document is a .txt file, a .jsonl file ({"text": …} or {"tokens": […]} a line), a folder of these, or - for standard input.
            """,
        version: version,
        subcommands: [
            Inspect.self, Tokenize.self, Detokenize.self, Score.self, Weigh.self, Train.self, Plan.self, Evaluate.self,
            Quantize.self, Convert.self, Bench.self, Generate.self, Create.self, Manual.self,
        ])
}

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
