import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Is given the bytes of a file as they are handed to the system: for a checksum that does not depend on what the disk
/// made of them.
package protocol WriteObserver: AnyObject {
    func willWrite(_ bytes: UnsafeRawBufferPointer)
}

/// A file that appears whole or not at all: written without a name (where the file system has no nameless files, beside
/// its place under a name that nobody can foresee), flushed to the disk, then put in its place. An abandoned one leaves
/// nothing behind.
///
/// A file that is replaced hands on its permissions and owner; through a link the file that it leads to is replaced.
/// A pipe or a device is written directly.
package final class AtomicFile {
    package let path: String
    package private(set) var count = 0
    package var observer: (any WriteObserver)?
    private let target: Target
    private var descriptor: Int32
    /// Where the bytes are until the file is whole; nil for a nameless file and a stream.
    private var temporaryPath: String?

    private enum Target {
        case file(String, replacing: FileStatus?)
        case stream
    }

    /// `.io` when nothing can be written there; a folder is told at once.
    package init(path: String) throws(LensError) {
        self.path = path
        let status = FileStatus(path)
        switch status?.kind {
        case .folder: throw .io("Cannot write \(path): it is a folder. Give the name of a file.")
        case .other: throw .io("Cannot write \(path): it is a block device or a socket.")
        case .stream:
            target = .stream
            descriptor = try Self.openStream(path)
        case .regular, .link, nil:
            let place = try Folders.followingLinks(path)
            target = .file(place, replacing: status)
            descriptor = unsafe place.parentFolder.withPathBytes { unsafe lens_open_nameless($0) }
            if descriptor < 0 { (descriptor, temporaryPath) = try Self.openNamed(beside: place, for: path) }
        }
    }

    deinit { abandon() }

    // Without a reader, opening a pipe would wait for ever.
    private static func openStream(_ path: String) throws(LensError) -> Int32 {
        let descriptor = unsafe path.withPathBytes { unsafe open($0, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
        guard descriptor >= 0 else {
            throw errno == ENXIO ? .io("Cannot write \(path): nobody reads this pipe.") : .writing(path, "open")
        }
        _ = setBlocking(descriptor)
        return descriptor
    }

    private static func openNamed(beside place: String, for path: String) throws(LensError) -> (Int32, String?) {
        let folder = place.parentFolder
        TemporaryName.removeLeftovers(in: folder)
        for _ in 0..<100 {
            let name = TemporaryName.make(in: folder)
            let descriptor = unsafe name.withPathBytes {
                unsafe open($0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            }
            if descriptor < 0 && errno == EEXIST { continue }
            guard descriptor >= 0 else { throw .writing(path, "create") }
            _ = TemporaryName.lock(descriptor)
            return (descriptor, name)
        }
        throw .writing(path, "create")
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws(LensError) {
        unsafe observer?.willWrite(bytes)
        guard unsafe writeAll(bytes, to: descriptor) else { throw .writing(path) }
        count += bytes.count
    }

    package func write(_ bytes: [UInt8]) throws(LensError) {
        let result: Result<Void, LensError> = unsafe bytes.withUnsafeBytes { buffer in
            do throws(LensError) {
                try unsafe write(buffer)
                return .success(())
            } catch { return .failure(error) }
        }
        try result.get()
    }

    package func write(_ text: String) throws(LensError) { try write(Array(text.utf8)) }

    /// Flushes and puts the file in its place: from here on it is there. Call once.
    package func commit() throws(LensError) {
        guard case .file(let place, let replaced) = target else { return abandon() }
        setOwnerAndMode(like: replaced)
        guard fsync(descriptor) == 0 else { throw .writing(path, "flush") }
        try put(at: place, replacing: replaced != nil)
        // On the disk already, and all that closing could still report was reported by the flush.
        abandon()
        Folders.sync(place.parentFolder)
    }

    private func put(at place: String, replacing: Bool) throws(LensError) {
        if temporaryPath == nil {
            let isNamed = unsafe !replacing && place.withPathBytes { unsafe lens_name_file(descriptor, $0) } == 0
            if isNamed { return }
            // Only a name can take another's place.
            let name = TemporaryName.make(in: place.parentFolder)
            guard unsafe name.withPathBytes({ unsafe lens_name_file(descriptor, $0) }) == 0 else {
                throw .writing(path, "create")
            }
            temporaryPath = name
        }
        guard let name = temporaryPath else { return }
        let result = unsafe name.withPathBytes { name in unsafe place.withPathBytes { unsafe rename(name, $0) } }
        guard result == 0 else { throw .writing(path, "rename to") }
        temporaryPath = nil
    }

    // Best effort for the owner: only the superuser may give files away. Without it, the mode must not widen.
    private func setOwnerAndMode(like replaced: FileStatus?) {
        if let replaced {
            _ = fchown(descriptor, replaced.owner, replaced.group)
            _ = fchmod(descriptor, replaced.permissions)
        } else {
            _ = fchmod(descriptor, 0o666 & ~Self.creationMask)
        }
    }

    // The system tells the mask only by changing it; once, before threads could see it changed.
    private static let creationMask: mode_t = {
        let mask = umask(0o077)
        _ = umask(mask)
        return mask
    }()

    /// Removes what was written, when it was not committed.
    package func abandon() {
        guard descriptor >= 0 else { return }
        if let temporaryPath { _ = unsafe temporaryPath.withPathBytes { unsafe unlink($0) } }
        temporaryPath = nil
        closeOnce(descriptor)
        descriptor = -1
    }
}

private func setBlocking(_ descriptor: Int32) -> Int32 { fcntl(descriptor, F_SETFL, 0) }
