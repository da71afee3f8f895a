#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An open file, pipe or standard input: read from front to back a chunk at a time, or at any place of a regular file.
///
/// It stays the file that was opened, whatever its name comes to stand for later.
package final class InputFile: Sendable {
    package let path: String
    private let descriptor: Int32
    private let closes: Bool
    private let whileWaiting: Waiting?

    /// Called again and again while nothing comes from a pipe; what it throws ends the reading.
    package typealias Waiting = @Sendable () throws(LensError) -> Void
    /// In milliseconds, between such calls.
    private static let patience: Int32 = 200

    /// Opens `path`; a named pipe is waited for. An absent file is `.missing`, an unreadable one or a folder `.io`.
    package init(path: String, whileWaiting: Waiting? = nil) throws(LensError) {
        self.path = path
        self.whileWaiting = whileWaiting
        // Whoever is asked while nothing comes is asked too while nobody writes: then opening must not wait.
        let flags = whileWaiting == nil ? 0 : O_NONBLOCK
        descriptor = unsafe path.withPathBytes { unsafe open($0, O_RDONLY | O_CLOEXEC | flags) }
        closes = true
        guard descriptor >= 0 else { throw .reading(path, "open") }
        if flags != 0 { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~flags) }
    }

    /// Opens a regular file at once: a pipe or device is `.io`, and is not waited for.
    package init(regular path: String) throws(LensError) {
        self.path = path
        descriptor = try openRegular(path)
        closes = true
        whileWaiting = nil
    }

    /// Opens `path` and begins at a byte of it.
    package convenience init(path: String, offset: Int) throws(LensError) {
        try self.init(path: path)
        guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else { throw .reading(path) }
    }

    /// Reads a descriptor that stays open; `name` is for messages.
    package init(descriptor: Int32, name: String, whileWaiting: Waiting? = nil) {
        path = name
        self.whileWaiting = whileWaiting
        self.descriptor = descriptor
        closes = false
    }

    deinit { if closes { closeOnce(descriptor) } }

    /// What was opened, as it is now; nil when that cannot be told.
    package var status: FileStatus? { FileStatus(descriptor: descriptor) }

    /// The next bytes, at most `count` of them; none at the end.
    package func chunk(_ count: Int = 1 << 18) throws(LensError) -> [UInt8] {
        while true {
            try wait()
            var result = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                unsafe result = posixRead(descriptor, buffer.baseAddress.unsafelyUnwrapped, count)
                initialized = max(0, result)
            }
            if result >= 0 { return bytes }
            // Whoever is asked while nothing comes is asked again.
            guard errno == EINTR else { throw .reading(path) }
        }
    }

    /// Waits until there are bytes, or the end, or an error that reading will tell.
    private func wait() throws(LensError) {
        guard let whileWaiting else { return }
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var result: Int32
        repeat {
            try whileWaiting()
            result = unsafe poll(&state, 1, Self.patience)
        } while result == 0 || result < 0 && errno == EINTR
    }

    /// Whether the next chunk is there, or the end, so that nothing is waited for.
    package var isReady: Bool {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&state, 1, 0) != 0
    }

    /// Goes back to the beginning of a regular file.
    package func rewind() throws(LensError) {
        guard lseek(descriptor, 0, SEEK_SET) == 0 else { throw .reading(path) }
    }

    /// Everything that is left.
    package func rest() throws(LensError) -> [UInt8] {
        var all: [UInt8] = []
        // One block of the right size, where the size is known: growing would hold old and new at once.
        if let status, status.kind == .regular { all.reserveCapacity(min(max(status.byteCount, 0), 1 << 40)) }
        while true {
            let next = try chunk(1 << 20)
            if next.isEmpty { return all }
            all += next
        }
    }

    /// Fills `buffer` with the bytes of a regular file from `offset` on. `.data` when it ends before.
    @unsafe
    package func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(LensError) {
        var done = 0
        while done < buffer.count {
            let result = uninterrupted {
                unsafe pread(
                    descriptor, buffer.baseAddress.unsafelyUnwrapped + done, min(buffer.count - done, 1 << 30),
                    off_t(offset + done))
            }
            guard result >= 0 else { throw .reading(path) }
            guard result > 0 else {
                throw .data("\(path) ends at byte \(offset + done): it is shorter than it was or should be.")
            }
            done += result
        }
    }

    /// `count` bytes of a regular file from `offset` on. `.data` when it ends before.
    package func bytes(_ count: Int, at offset: Int) throws(LensError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let result: Result<Void, LensError> = unsafe bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(LensError) in try unsafe read(into: buffer, at: offset) }
        }
        try result.get()
        return bytes
    }
}

/// Opens a regular file for reading without waiting, whatever stands at `path`.
func openRegular(_ path: String) throws(LensError) -> Int32 {
    let descriptor = unsafe path.withPathBytes { unsafe open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) }
    guard descriptor >= 0 else { throw .reading(path, "open") }
    guard let status = FileStatus(descriptor: descriptor) else {
        let error = LensError.reading(path)
        closeOnce(descriptor)
        throw error
    }
    guard status.kind == .regular else {
        closeOnce(descriptor)
        throw .io(
            "\(path) is \(status.kind == .folder ? "a folder" : "a pipe or device"), and a regular file is needed.")
    }
    return descriptor
}

// Inside the class, `read` is the method.
private func posixRead(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
    unsafe read(descriptor, buffer, count)
}
