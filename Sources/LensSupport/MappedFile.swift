#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A read-only memory mapping of a whole file. Pages are read when they are touched.
@safe
public final class MappedFile: @unchecked Sendable {
    public let path: String
    public let count: Int
    private let start: UnsafeMutableRawPointer?

    /// Maps `path`. An absent file is `.missing`, a folder or an unreadable file is `.io`; an empty file has count 0.
    public init(path: String) throws(LensError) {
        self.path = path
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open", path) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Self.failure("read", path) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw .io("\(path) is not a regular file, and only a regular file can be mapped.")
        }
        count = Int(status.st_size)
        if count == 0 {
            unsafe start = nil
        } else {
            guard let mapping = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
                unsafe mapping != MAP_FAILED
            else { throw Self.failure("map", path) }
            unsafe start = mapping
        }
    }

    deinit { if let start = unsafe start { _ = unsafe munmap(start, count) } }

    /// The bytes, for bounds-checked readers and C; valid while the mapping lives.
    @unsafe public var buffer: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }

    private static func failure(_ verb: String, _ path: String) -> LensError {
        let code = errno
        let reason = unsafe String(cString: strerror(code))
        return code == ENOENT || code == ENOTDIR
            ? .missing("\(path) does not exist.") : .io("Cannot \(verb) \(path): \(reason).")
    }
}
