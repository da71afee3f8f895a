import LensSupport
import Logging
import LongLens

extension RunOptions {
    /// What the tool has to say beside results and progress: warnings always, details with --verbose.
    var log: Logger {
        var logger = Logger(label: "longlens") { _ in StandardErrorLog() }
        logger.logLevel = verbose ? .debug : quiet ? .warning : .notice
        return logger
    }
}

/// Says what the user should know of something that was opened; with --quiet too.
func say(warnings: [String]) {
    let log = Logger(label: "longlens") { _ in StandardErrorLog() }
    for warning in warnings { log.warning("\(warning)") }
}

extension RunOptions {
    /// Says with --verbose what model is used and how the machine computes.
    func note(_ pretrained: Pretrained, _ runtime: Runtime) {
        let configuration = pretrained.model.configuration
        log.debug(
            "\(pretrained.path): \(configuration.family.rawValue), \(configuration.parameterCount) parameters, made for a context of \(configuration.contextLength) tokens; \(runtime.threadCount) threads, \(runtime.instructionSet.rawValue)"
        )
    }
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
