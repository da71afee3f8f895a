import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The few folder operations that reading and writing models need.
enum Folder {
    static func exists(_ path: String) -> Bool { mode(path, follow: true).map { $0 & S_IFMT == S_IFDIR } ?? false }

    static func fileExists(_ path: String) -> Bool {
        mode(path, follow: true).map { $0 & S_IFMT == S_IFREG } ?? false
    }

    static func entryExists(_ path: String) -> Bool { mode(path, follow: false) != nil }

    /// Names in a folder in byte order, without `.` and `..`.
    static func names(in path: String) throws(LensError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw failure("open", path) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func create(_ path: String) throws(LensError) {
        guard unsafe mkdir(path, 0o755) == 0 else { throw failure("create the folder", path) }
    }

    static func rename(_ source: String, to destination: String) throws(LensError) {
        #if canImport(Glibc)
            let result = unsafe Glibc.rename(source, destination)
        #elseif canImport(Musl)
            let result = unsafe Musl.rename(source, destination)
        #else
            let result = unsafe Darwin.rename(source, destination)
        #endif
        guard result == 0 else { throw failure("rename \(source) to", destination) }
    }

    /// Removes a folder and what is in it; links are removed, not followed.
    static func remove(_ path: String) throws(LensError) {
        if let mode = mode(path, follow: false), mode & S_IFMT == S_IFDIR {
            for name in try names(in: path) { try remove(path + "/" + name) }
            guard unsafe rmdir(path) == 0 else { throw failure("remove the folder", path) }
        } else {
            guard unsafe unlink(path) == 0 else { throw failure("remove", path) }
        }
    }

    /// The path without links and trailing slashes, if it exists.
    static func resolved(_ path: String) -> String? {
        guard let real = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }

    private static func mode(_ path: String, follow: Bool) -> mode_t? {
        var status = stat()
        let result = unsafe follow ? stat(path, &status) : lstat(path, &status)
        return result == 0 ? status.st_mode : nil
    }

    private static func failure(_ verb: String, _ path: String) -> LensError {
        let code = errno
        let reason = unsafe String(cString: strerror(code))
        return code == ENOENT ? .missing("\(path) does not exist.") : .io("Cannot \(verb) \(path): \(reason).")
    }
}

/// All bytes of a file that must not exceed `limit`.
func readSmallFile(_ path: String, limit: Int) throws(LensError) -> [UInt8] {
    let file = try MappedFile(path: path)
    guard file.count <= limit else {
        throw .data("\(path) has \(file.count) bytes, more than the \(limit) that such a file may have.")
    }
    return unsafe Array(file.buffer)
}
