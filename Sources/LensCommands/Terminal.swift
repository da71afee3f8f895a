import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What standard error is shown on.
package enum Terminal {
    /// True when a person watches: a terminal that can redraw a line.
    package static var redraws: Bool { isatty(STDERR_FILENO) == 1 && environment("TERM") ?? "dumb" != "dumb" }

    /// True when standard output is a terminal, which obeys control characters.
    package static var showsOutput: Bool { isatty(STDOUT_FILENO) == 1 }

    package static var columns: Int {
        var size = winsize()
        let known = unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return known ? Int(size.ws_col) : 80
    }
}

/// All bytes of a file, or of standard input when `path` is "-".
package func readBytes(_ path: String) throws(LensError) -> [UInt8] {
    try (path == "-" ? InputFile(descriptor: STDIN_FILENO, name: "standard input") : InputFile(path: path)).rest()
}
