#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif
import LensSupport

enum StandardError {
    /// Best effort: nothing can be done about a standard error that is closed.
    static func write(_ text: String) { try? writeAll(text, descriptor: STDERR_FILENO) }

    /// True when a person watches: a terminal that can redraw a line.
    static var redraws: Bool { isatty(STDERR_FILENO) == 1 && environment("TERM") ?? "dumb" != "dumb" }

    static var columns: Int {
        var size = winsize()
        let known = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return known ? Int(size.ws_col) : 80
    }
}

enum StandardOutput {
    /// `.io` when the reader is gone or the disk full.
    static func write(_ text: String) throws(LensError) { try writeAll(text, descriptor: STDOUT_FILENO) }
    static func writeLine(_ text: String) throws(LensError) { try write(text + "\n") }
    static func write(_ bytes: [UInt8]) throws(LensError) { try writeAll(bytes, descriptor: STDOUT_FILENO) }
}

func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

func exitProcess(_ status: Int32) -> Never { exit(status) }

private func writeAll(_ text: String, descriptor: Int32) throws(LensError) {
    try writeAll(Array(text.utf8), descriptor: descriptor)
}

private func writeAll(_ bytes: [UInt8], descriptor: Int32) throws(LensError) {
    var written = 0
    while written < bytes.count {
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(descriptor, buffer.baseAddress.unsafelyUnwrapped + written, buffer.count - written)
        }
        if result < 0 && errno == EINTR { continue }
        guard result > 0 else {
            throw .io(
                "Cannot write to standard \(descriptor == STDOUT_FILENO ? "output" : "error"): \(unsafe String(cString: strerror(errno)))."
            )
        }
        written += result
    }
}

/// All bytes of a file, or of standard input when `path` is "-".
func readBytes(_ path: String) throws(LensError) -> [UInt8] {
    if path != "-" {
        let file = try MappedFile(path: path)
        return unsafe Array(file.buffer)
    }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
        if count < 0 && errno == EINTR { continue }
        guard count >= 0 else { throw .io("Cannot read standard input: \(unsafe String(cString: strerror(errno))).") }
        if count == 0 { return bytes }
        bytes += chunk[..<count]
    }
}
