import LensSupport

/// Where lines of results go: standard output, or a file that appears whole when ``finish()`` is called.
package final class LinesOutput {
    private let file: AtomicFile?

    /// - Parameter path: nil for standard output. A device or pipe is written to directly.
    package init(path: String?) throws(LensError) { file = if let path { try AtomicFile(path: path) } else { nil } }

    /// Writes a line, which has its line feed.
    package func write(_ line: [UInt8]) throws(LensError) {
        if let file { try file.write(line) } else { try StandardOutput.write(line) }
    }

    /// Makes the file appear. Without it, nothing of the file stays.
    package func finish() throws(LensError) { try file?.commit() }
}
