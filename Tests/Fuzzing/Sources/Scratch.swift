import LongLens

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A folder for the files that a reader opens by path, written anew for each input.
///
/// It lies where FUZZ_SCRATCH says (in memory, where there is such a place); who calls the program removes it.
final class Scratch {
    let path: String
    private var descriptors: [String: CInt] = [:]

    init() throws {
        let parent = environment("FUZZ_SCRATCH") ?? "/tmp"
        path = "\(parent)/\(getpid())"
        guard mkdir(path, 0o755) == 0 else { throw LensError.io("Cannot make the folder \(path).") }
    }

    /// Writes the file of this name in place and gives its path: no flush, no rename, thousands of times a second.
    func write(_ name: String, _ bytes: some Collection<UInt8>) -> String {
        let file = "\(path)/\(name)"
        forgetReplaced(name)
        let descriptor = descriptors[name] ?? open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        precondition(descriptor >= 0, "cannot open \(file)")
        descriptors[name] = descriptor
        let bytes = Array(bytes)
        precondition(ftruncate(descriptor, 0) == 0 && pwrite(descriptor, bytes, bytes.count, 0) == bytes.count)
        return file
    }

    /// A reader that mends a file puts another in its place: what was open then is no longer the file of this name.
    private func forgetReplaced(_ name: String) {
        var status = stat()
        guard let descriptor = descriptors[name], fstat(descriptor, &status) == 0, status.st_nlink == 0 else { return }
        remove(name)
    }

    /// Takes the file of this name away.
    func remove(_ name: String) {
        if let descriptor = descriptors.removeValue(forKey: name) { close(descriptor) }
        unlink("\(path)/\(name)")
    }

    func makeFolder(_ name: String) { mkdir("\(path)/\(name)", 0o755) }

    /// Takes an empty folder away.
    func removeFolder(_ name: String) { rmdir("\(path)/\(name)") }
}

func contents(of path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return withExtendedLifetime(file) { Array(file.buffer) }
}
