import LensSupport

/// Progress on standard error: one line that is redrawn on a terminal, plain lines elsewhere, nothing when quiet.
package final class ProgressLine {
    private let quiet: Bool
    private let redraws = Terminal.redraws
    private let interval: Duration
    private var lastShown: ContinuousClock.Instant?
    private var shownWidth = 0

    package init(quiet: Bool, interval: Duration? = nil) {
        self.quiet = quiet
        self.interval = interval ?? (redraws ? .milliseconds(100) : .seconds(10))
    }

    /// Shows `text` when enough time has passed since the last time.
    package func update(_ text: @autoclosure () -> String) {
        guard !quiet else { return }
        let now = ContinuousClock.now
        if let lastShown, now - lastShown < interval { return }
        lastShown = now
        show(text())
    }

    /// Shows `parts` when enough time has passed since the last time: on a terminal as many from the first on as its line
    /// has room for.
    package func update(_ parts: [String]) {
        update(redraws ? Self.fitted(parts, columns: Terminal.columns - 1) : parts.joined(separator: "  "))
    }

    static func fitted(_ parts: [String], columns: Int) -> String {
        var line = ""
        for part in parts {
            let longer = line.isEmpty ? part : line + "  " + part
            if longer.count > columns && !line.isEmpty { break }
            line = longer
        }
        return line
    }

    /// Shows `text` at once: an event, which stays on the screen.
    package func report(_ text: String) {
        guard !quiet else { return }
        clear()
        StandardError.write(text.printable + "\n")
    }

    /// Takes the redrawn line away.
    package func clear() {
        guard redraws, shownWidth > 0 else { return }
        StandardError.write("\r" + String(repeating: " ", count: shownWidth) + "\r")
        shownWidth = 0
    }

    private func show(_ text: String) {
        let text = text.printable
        guard redraws else { return StandardError.write(text + "\n") }
        let line = String(text.prefix(Terminal.columns - 1))
        StandardError.write("\r" + line + String(repeating: " ", count: max(0, shownWidth - line.count)))
        shownWidth = line.count
    }
}
