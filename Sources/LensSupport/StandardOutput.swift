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

/// False, with the reason in `errno`, when not everything could be written.
private func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
    var written = 0
    while written < bytes.count {
        let result = unsafe bytes.withUnsafeBytes { buffer in
            unsafe write(descriptor, buffer.baseAddress.unsafelyUnwrapped + written, buffer.count - written)
        }
        if result < 0 && errno == EINTR { continue }
        // A terminal or pipe that another program made non-blocking: wait until it takes more.
        if result < 0 && errno == EAGAIN {
            var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            if unsafe poll(&poller, 1, 1000) >= 0 { continue }
        }
        guard result > 0 else { return false }
        written += result
    }
    return true
}
