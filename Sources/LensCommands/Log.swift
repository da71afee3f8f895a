import LensSupport
import Logging

/// Says what the user should know of something that was opened; with --quiet too.
package func say(warnings: [String]) {
    let log = Logger(label: "longlens") { _ in StandardErrorLog() }
    for warning in warnings { log.warning("\(warning)") }
}

/// One line per message on standard error: `longlens: warning: …`.
struct StandardErrorLog: LogHandler {
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
