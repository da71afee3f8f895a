import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What is done to folders and names, with errors that say what and where.
package enum Folders {
    /// True when something is there; a link that leads nowhere is nothing.
    package static func exists(_ path: String) -> Bool { FileStatus(path) != nil }

    /// True when the name is taken, even by a link that leads nowhere.
    package static func entryExists(_ path: String) -> Bool { FileStatus(path, followingLinks: false) != nil }

    package static func isFolder(_ path: String) -> Bool { FileStatus(path)?.kind == .folder }

    package static func isFile(_ path: String) -> Bool { FileStatus(path)?.kind == .regular }

    /// The names in a folder in the order of their bytes, without `.` and `..`.
    package static func names(in path: String) throws(LensError) -> [String] {
        guard let stream = unsafe path.withPathBytes({ unsafe opendir($0) }) else { throw .reading(path) }
        defer { _ = unsafe closedir(stream) }
        var names: [[UInt8]] = []
        while let entry = unsafe readdir(stream) {
            names.append(unsafe withUnsafeBytes(of: &entry.pointee.d_name) { unsafe Array($0.prefix { $0 != 0 }) })
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names.map { String(pathBytes: $0) }.filter { $0 != "." && $0 != ".." }
    }

    /// Makes the folder and those above it, each on the disk before this returns; one that is there stays.
    package static func create(_ path: String) throws(LensError) {
        guard !isFolder(path) else { return }
        let parent = path.trimmingSlashes.parentFolder
        if parent != path { try create(parent) }
        guard unsafe path.withPathBytes({ unsafe mkdir($0, 0o777) }) == 0 || (errno == EEXIST && isFolder(path)) else {
            throw .writing(path, "make the folder")
        }
        sync(parent)
    }

    /// Removes a file, or a folder with all that is in it; links are removed, not followed. What is not there needs no
    /// removing.
    package static func remove(_ path: String) throws(LensError) {
        guard let status = FileStatus(path, followingLinks: false) else { return }
        let result: Int32
        if status.kind == .folder {
            for name in try names(in: path) { try remove(path + "/" + name) }
            result = unsafe path.withPathBytes { unsafe rmdir($0) }
        } else {
            result = unsafe path.withPathBytes { unsafe unlink($0) }
        }
        guard result == 0 || errno == ENOENT else { throw .writing(path, "remove") }
    }

    package static func rename(_ path: String, to other: String) throws(LensError) {
        guard posixRename(path, other) == 0 else { throw .writing(other, "rename \(path) to") }
        sync(other.parentFolder)
    }

    /// Swaps what two names stand for in one instant; false where the file system cannot.
    static func exchange(_ path: String, _ other: String) -> Bool {
        unsafe path.withPathBytes { path in unsafe other.withPathBytes { unsafe lens_exchange(path, $0) } } == 0
    }

    /// What a link says, not followed further.
    static func destination(ofLink path: String) -> String? {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = unsafe path.withPathBytes { path in
            unsafe bytes.withUnsafeMutableBytes { unsafe readlink(path, $0.baseAddress.unsafelyUnwrapped, $0.count) }
        }
        return count > 0 ? String(pathBytes: bytes[..<count]) : nil
    }

    /// Where the links at `path` lead to in the end; nothing need be there.
    static func followingLinks(_ path: String) throws(LensError) -> String {
        var place = path
        for _ in 0..<40 {
            guard FileStatus(place, followingLinks: false)?.kind == .link else { return place }
            guard let next = destination(ofLink: place) else { throw .reading(place) }
            place = next.hasPrefix("/") ? next : place.parentFolder + "/" + next
        }
        throw .io("Cannot write \(path): its links lead in a circle.")
    }

    /// The path without links and trailing slashes, if something is there.
    package static func resolved(_ path: String) -> String? {
        guard let real = unsafe path.withPathBytes({ unsafe realpath($0, nil) }) else { return nil }
        defer { unsafe free(real) }
        return unsafe String(pathBytes: Array(UnsafeRawBufferPointer(start: real, count: strlen(real))))
    }

    /// Makes what happened to names in a folder durable; a file system that cannot is no error.
    package static func sync(_ folder: String) {
        let descriptor = unsafe folder.withPathBytes { unsafe open($0, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        closeOnce(descriptor)
    }

    /// False where two folders lie on different file systems; one that is not there yet will be where the other is.
    package static func areOnOneDisk(_ a: String, _ b: String) -> Bool {
        guard let a = FileStatus(a)?.identity.device, let b = FileStatus(b)?.identity.device else { return true }
        return a == b
    }

    /// Bytes that this process may still write to the file system of `path`, whose folder must be there; nil when that
    /// cannot be told.
    package static func freeByteCount(at path: String) -> Int? {
        var status = statvfs()
        guard unsafe path.withPathBytes({ unsafe statvfs($0, &status) }) == 0, status.f_blocks > 0 else {
            return nil
        }
        let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
        return overflow ? .max : bytes
    }
}

extension String {
    /// Without slashes at the end, but for `/` itself.
    var trimmingSlashes: String {
        var path = self
        while path.utf8.count > 1 && path.hasSuffix("/") { path.removeLast() }
        return path
    }
}

// Inside the type, `rename` is its own.
private func posixRename(_ path: String, _ other: String) -> Int32 {
    unsafe path.withPathBytes { path in unsafe other.withPathBytes { unsafe rename(path, $0) } }
}
