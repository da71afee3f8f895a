#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Makes a call of the system again for as long as signals end it before it has done anything.
func uninterrupted(_ call: () -> Int) -> Int {
    while true {
        let result = call()
        if result >= 0 || errno != EINTR { return result }
    }
}

/// Writes all of `bytes` where the descriptor stands, or from `offset` of its file on. False, with the reason in `errno`,
/// when not everything could be written.
package func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil) -> Bool {
    var written = 0
    while written < bytes.count {
        let start = unsafe bytes.baseAddress.unsafelyUnwrapped + written
        // Linux writes at most 2 GiB at once.
        let size = min(bytes.count - written, 1 << 30)
        let result = uninterrupted {
            if let offset { return unsafe pwrite(descriptor, start, size, off_t(offset + written)) }
            return unsafe write(descriptor, start, size)
        }
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

package func writeAll(_ bytes: [UInt8], to descriptor: Int32, at offset: Int? = nil) -> Bool {
    unsafe bytes.withUnsafeBytes { unsafe writeAll($0, to: descriptor, at: offset) }
}

/// Closes a descriptor; a negative one, of a file that could not be opened, is none.
///
/// Closing twice closes what another thread has opened meanwhile, so that its reads and writes fail, or go elsewhere: an
/// error of the program, which stops here.
package func closeOnce(_ descriptor: Int32) {
    guard descriptor >= 0 else { return }
    if close(descriptor) != 0 { precondition(errno != EBADF, "a descriptor is closed twice") }
}
