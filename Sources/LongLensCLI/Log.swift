import LensSupport
import Logging

extension RunOptions {
    /// What the tool has to say beside results and progress: warnings always, details with --verbose.
    var log: Logger {
        var logger = Logger(label: "longlens") { _ in StandardErrorLog() }
        logger.logLevel = verbose ? .debug : quiet ? .warning : .notice
        return logger
    }

    /// For warnings alone, which are printed whatever the options say.
    static var warnings: Logger { Logger(label: "longlens") { _ in StandardErrorLog() } }
}

/// One line per message on standard error: `longlens: warning: …`.
private struct StandardErrorLog: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .notice

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let prefix = event.level >= .warning ? "longlens: \(event.level): " : "longlens: "
        StandardError.write("\(prefix)\("\(event.message)".printable)\n")
    }
}
