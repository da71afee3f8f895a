#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file that grows while a run works and outlives its end, so that another run can go on from it. Locked for as long
/// as it is open; a link at its path is not followed.
package final class JournalFile {
    package let path: String
    package private(set) var byteCount: Int
    private let descriptor: Int32

    /// Opens the file, or makes it where there is none.
    ///
    /// `.usage` when another run has it open, `.io` when it cannot be made or something else stands there.
    package init(path: String) throws(LensError) {
        self.path = path
        while true {
            let descriptor = unsafe path.withPathBytes {
                unsafe open($0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o600)
            }
            guard descriptor >= 0 else {
                throw errno == ELOOP
                    ? .io("Cannot write \(path): it is a link, which is not followed. Move it away.")
                    : .writing(path, "open")
            }
            let status = FileStatus(descriptor: descriptor)
            let problem: LensError? =
                if status?.kind != .regular {
                    .io("Cannot write \(path): it is no plain file. Move it away.")
                } else if !TemporaryName.lock(descriptor) {
                    .usage("\(path) is in use: another run is writing there. Wait for its end, or give another output.")
                } else {
                    nil
                }
            if let problem {
                closeOnce(descriptor)
                throw problem
            }
            // Before the lock was held, the run that had it may have removed the file.
            if FileStatus(path, followingLinks: false)?.identity == status?.identity {
                self.descriptor = descriptor
                byteCount = status?.byteCount ?? 0
                return
            }
            closeOnce(descriptor)
        }
    }

    deinit { closeOnce(descriptor) }

    /// Adds bytes at the end, all or none of them.
    package func append(_ bytes: [UInt8]) throws(LensError) {
        guard writeAll(bytes, to: descriptor, at: byteCount) else {
            let error = LensError.writing(path)
            _ = ftruncate(descriptor, off_t(byteCount))
            throw error
        }
        byteCount += bytes.count
    }

    /// Drops everything from `count` bytes on.
    package func truncate(to count: Int) throws(LensError) {
        guard ftruncate(descriptor, off_t(count)) == 0 else { throw .writing(path, "shorten") }
        byteCount = count
    }

    /// Puts what was added on the disk.
    package func sync() throws(LensError) {
        guard fsync(descriptor) == 0 else { throw .writing(path, "flush") }
    }

    /// The lines from the beginning, up to where the file ends when each is asked for.
    package func lines() -> LineReader {
        var position = 0
        let descriptor = descriptor, path = path
        // The file must stay open for as long as it is read.
        return LineReader(path: path) { [self] () throws(LensError) in
            var result = 0
            let size = 1 << 18
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                result = uninterrupted {
                    unsafe pread(descriptor, buffer.baseAddress, min(size, byteCount - position), off_t(position))
                }
                count = max(0, result)
            }
            guard result >= 0 else { throw .reading(path) }
            position += result
            return bytes
        }
    }

    /// Removes the file; what is open stays usable until it is closed.
    package func remove() throws(LensError) {
        try Folders.remove(path)
        Folders.sync(path.parentFolder)
    }
}
