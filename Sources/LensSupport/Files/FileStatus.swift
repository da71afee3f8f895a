#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// What stands at a path.
package struct FileStatus: Sendable {
    package enum Kind: Sendable {
        case regular, folder, link
        /// A pipe or a character device: written and read from front to back.
        case stream
        /// A block device or a socket.
        case other
    }

    /// Two paths of the same identity are one file.
    package struct Identity: Hashable, Sendable { var device: UInt64, file: UInt64 }

    package let kind: Kind
    package let byteCount: Int
    package let identity: Identity
    /// Time of the last change of the contents, in nanoseconds.
    package let modified: Int
    let permissions: mode_t
    let owner: uid_t
    let group: gid_t

    /// Nil when nothing is there, or nothing that may be looked at.
    package init?(_ path: String, followingLinks: Bool = true) {
        var status = stat()
        let result = unsafe path.withPathBytes { path in
            unsafe followingLinks ? stat(path, &status) : lstat(path, &status)
        }
        guard result == 0 else { return nil }
        self.init(status)
    }

    /// Of an open file.
    package init?(descriptor: Int32) {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG: kind = .regular
        case S_IFDIR: kind = .folder
        case S_IFLNK: kind = .link
        case S_IFIFO, S_IFCHR: kind = .stream
        default: kind = .other
        }
        byteCount = Int(status.st_size)
        identity = Identity(device: UInt64(truncatingIfNeeded: status.st_dev), file: UInt64(status.st_ino))
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        modified = time.tv_sec &* 1_000_000_000 &+ Int(time.tv_nsec)
        permissions = status.st_mode & 0o7777
        owner = status.st_uid
        group = status.st_gid
    }
}
