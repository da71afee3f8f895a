#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where results go.
package enum StandardOutput {
    /// `.io` when the reader is gone or the disk full.
    package static func write(_ bytes: [UInt8]) throws(LensError) {
        guard writeAll(bytes, to: STDOUT_FILENO) else { throw .writing("standard output", "write to") }
    }

    package static func write(_ text: String) throws(LensError) { try write(Array(text.utf8)) }
    package static func writeLine(_ text: String) throws(LensError) { try write(text + "\n") }
}

/// Where everything else goes.
package enum StandardError {
    /// Best effort: nothing can be done about a standard error that is closed.
    package static func write(_ text: String) { _ = writeAll(Array(text.utf8), to: STDERR_FILENO) }
}
