#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension LensError {
    /// The error of a call that was to `verb` (open, read) an input, as `errno` tells it: `.missing` where nothing is
    /// there, else `.io`.
    package static func reading(_ path: String, _ verb: String = "read") -> LensError {
        let code = errno
        return code == ENOENT || code == ENOTDIR ? .missing("\(path) does not exist.") : failed(verb, path, code)
    }

    /// The error of a call that was to `verb` (create, write) an output, as `errno` tells it: `.io`.
    package static func writing(_ path: String, _ verb: String = "write") -> LensError { failed(verb, path, errno) }

    private static func failed(_ verb: String, _ path: String, _ code: Int32) -> LensError {
        unsafe .io("Cannot \(verb) \(path): \(String(cString: strerror(code))).")
    }
}
