#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that appears whole or not at all: written beside its place under a temporary name, flushed to the disk,
/// then renamed. An abandoned one leaves nothing behind.
public final class AtomicFile {
    public let path: String
    private let temporaryPath: String
    private var descriptor: Int32
    public private(set) var count = 0

    public init(path: String) throws(LensError) {
        self.path = path
        temporaryPath = "\(path).\(getpid()).part"
        descriptor = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw AtomicFile.failure("create", path) }
    }

    deinit { abandon() }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(LensError) {
        var written = 0
        while written < bytes.count {
            // Linux writes at most 2 GiB at once.
            let size = min(bytes.count - written, 1 << 30)
            let result = unsafe posixWrite(descriptor, bytes.baseAddress.unsafelyUnwrapped + written, size)
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw AtomicFile.failure("write", path) }
            written += result
        }
        count += bytes.count
    }

    public func write(_ bytes: [UInt8]) throws(LensError) {
        let result: Result<Void, LensError> = unsafe bytes.withUnsafeBytes { buffer in
            do throws(LensError) {
                try unsafe write(buffer)
                return .success(())
            } catch { return .failure(error) }
        }
        try result.get()
    }

    public func write(_ text: String) throws(LensError) { try write(Array(text.utf8)) }

    /// Flushes and renames: from here on the file is there. Call once.
    public func commit() throws(LensError) {
        guard fsync(descriptor) == 0 else { throw AtomicFile.failure("flush", path) }
        let closed = close(descriptor)
        descriptor = -1
        guard closed == 0 else { throw AtomicFile.failure("close", path) }
        guard unsafe rename(temporaryPath, path) == 0 else { throw AtomicFile.failure("rename to", path) }
        AtomicFile.syncFolder(containing: path)
    }

    /// Removes what was written, when it was not committed.
    public func abandon() {
        guard descriptor >= 0 else { return }
        _ = close(descriptor)
        descriptor = -1
        _ = unsafe unlink(temporaryPath)
    }

    /// Makes a rename in `path`'s folder durable; a file system that cannot is no error.
    public static func syncFolder(containing path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = unsafe open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        _ = close(descriptor)
    }

    private static func failure(_ verb: String, _ path: String) -> LensError {
        let code = errno
        return unsafe .io("Cannot \(verb) \(path): \(String(cString: strerror(code))).")
    }
}

// Inside the class, `write` is the method.
private func posixWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    unsafe write(descriptor, bytes, count)
}
