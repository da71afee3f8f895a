import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Where lines of results go: standard output, or a file that appears whole when ``finish()`` is called.
public final class LinesOutput {
    private let file: AtomicFile?
    private let descriptor: Int32
    private let name: String

    /// - Parameter path: nil for standard output. A device or pipe is written to directly.
    public init(path: String?) throws(LensError) {
        name = path ?? "standard output"
        var status = stat()
        if let path, unsafe stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
            file = nil
            guard descriptor >= 0 else { throw Self.failure("open", path) }
        } else {
            descriptor = 1
            file = if let path { try AtomicFile(path: path) } else { nil }
        }
    }

    deinit { if descriptor > 2 { _ = close(descriptor) } }

    /// Writes a line, which has its line feed.
    public func write(_ line: [UInt8]) throws(LensError) {
        if let file { return try file.write(line) }
        var written = 0
        while written < line.count {
            let rest = line.count - written
            let result = unsafe line.withUnsafeBytes { bytes in
                unsafe posixWrite(descriptor, bytes.baseAddress.unsafelyUnwrapped + written, rest)
            }
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw Self.failure("write to", name) }
            written += result
        }
    }

    /// Makes the file appear. Without it, nothing of the file stays.
    public func finish() throws(LensError) { try file?.commit() }

    private static func failure(_ verb: String, _ name: String) -> LensError {
        let code = errno
        return unsafe .io("Cannot \(verb) \(name): \(String(cString: strerror(code))).")
    }
}

// Inside the class, `write` is the method.
private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    unsafe write(descriptor, bytes, count)
}
