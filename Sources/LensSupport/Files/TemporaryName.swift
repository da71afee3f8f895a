import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Names under which unfinished files and folders stand beside their place: `.longlens-<16 random digits>.part`.
///
/// Whoever writes one holds a lock on it, so that the next run can tell what a killed one left from what is in use.
enum TemporaryName {
    private static let prefix = ".longlens-"
    private static let suffix = ".part"

    static func make(in folder: String) -> String {
        folder + "/" + prefix + digits(UInt64.random(in: 0...UInt64.max), atLeast: 16, radix: 16) + suffix
    }

    /// Locks an open file or folder for as long as it is open; true unless another process holds it. On file systems
    /// without locks nothing is locked.
    static func lock(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK }

    /// Removes from `folder` what killed runs left there. What cannot be locked, or removed, stays.
    static func removeLeftovers(in folder: String) {
        for name in (try? Folders.names(in: folder)) ?? [] {
            guard name.utf8.count == prefix.utf8.count + 16 + suffix.utf8.count, name.hasPrefix(prefix),
                name.hasSuffix(suffix)
            else { continue }
            let path = folder + "/" + name
            let descriptor = unsafe path.withPathBytes {
                unsafe open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
            }
            guard descriptor >= 0 else { continue }
            defer { closeOnce(descriptor) }
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { continue }
            try? Folders.remove(path)
        }
    }
}
