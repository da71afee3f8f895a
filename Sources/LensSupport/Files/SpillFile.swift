import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Room on a disk for what does not fit into memory: a file without a name, which is gone with the process however that
/// ends.
///
/// What is written goes to the disk at once and is dropped from the page cache, which would only take memory from others.
/// Safe to use from any thread, as long as no two use the same part.
@safe
package final class SpillFile: Sendable {
    package let folder: String
    package let byteCount: Int
    /// True where the folder is memory and no disk: what is spilled there takes memory all the same.
    package let isInMemory: Bool
    package let descriptor: Int32

    /// Bytes that are written or read in one call: large enough for a disk's full speed.
    private static let chunk = 8 << 20

    /// A file of `byteCount` bytes, whose room is set aside.
    ///
    /// `.missing` when there is no such folder; `.io` when it cannot be written, or its disk has less room.
    ///
    /// - Parameter what: what will be spilled, for the message: "the inputs of the layers".
    package init(folder: String, byteCount: Int, for what: String) throws(LensError) {
        try Self.check(folder: folder, byteCount: byteCount, for: what)
        var descriptor = unsafe folder.withPathBytes { unsafe lens_open_nameless($0) }
        if descriptor < 0 { descriptor = try Self.openUnlinked(folder) }
        guard lens_reserve(descriptor, Int64(byteCount)) == 0 else {
            let error = LensError.writing("\(describeByteCount(byteCount)) to the spill folder \(folder)")
            closeOnce(descriptor)
            throw error
        }
        self.folder = folder
        self.byteCount = byteCount
        self.descriptor = descriptor
        isInMemory = lens_is_in_memory(descriptor) != 0
    }

    deinit { closeOnce(descriptor) }

    /// `.missing` when there is no such folder; `.io` when it is none, or its disk has less room than `byteCount`.
    package static func check(folder: String, byteCount: Int, for what: String) throws(LensError) {
        guard let status = FileStatus(folder) else { throw .reading("The spill folder \(folder)") }
        guard status.kind == .folder else { throw .io("The spill folder \(folder) is no folder.") }
        guard unsafe folder.withPathBytes({ unsafe access($0, W_OK | X_OK) }) == 0 else {
            throw .writing("to the spill folder \(folder)")
        }
        try DiskRoom.require(
            byteCount, at: folder, for: "\(what) take \(describeByteCount(byteCount))",
            advice: "spill to a folder on another disk, or lower --context")
    }

    // For file systems without nameless files.
    private static func openUnlinked(_ folder: String) throws(LensError) -> Int32 {
        let name = TemporaryName.make(in: folder)
        let descriptor = unsafe name.withPathBytes {
            unsafe open($0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else { throw .writing("to the spill folder \(folder)") }
        guard unsafe name.withPathBytes({ unsafe unlink($0) }) == 0 else {
            let error = LensError.writing("to the spill folder \(folder)")
            closeOnce(descriptor)
            throw error
        }
        return descriptor
    }

    /// Puts the bytes on the disk. `.io` when it is full or fails.
    @unsafe
    package func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(LensError) {
        precondition(offset >= 0 && offset + bytes.count <= byteCount, "past the file")
        // While the disk takes one part, the next one is handed over.
        var pending: Range<Int>?
        for part in Self.parts(of: bytes.count) {
            let place = offset + part.lowerBound
            guard unsafe writeAll(UnsafeRawBufferPointer(rebasing: bytes[part]), to: descriptor, at: place) else {
                throw failed(.writing("to the spill folder \(folder)"))
            }
            _ = lens_start_writing(descriptor, Int64(place), Int64(part.count))
            if let pending { try finish(pending) }
            pending = place..<place + part.count
        }
        if let pending { try finish(pending) }
    }

    private func finish(_ range: Range<Int>) throws(LensError) {
        guard lens_finish_writing(descriptor, Int64(range.lowerBound), Int64(range.count)) == 0 else {
            throw failed(.writing("to the spill folder \(folder)"))
        }
    }

    /// Fills `bytes` with what was written there. `.io` when the disk fails.
    @unsafe
    package func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(LensError) {
        precondition(offset >= 0 && offset + bytes.count <= byteCount, "past the file")
        for part in Self.parts(of: bytes.count) {
            let next = min(part.count, bytes.count - part.upperBound)
            if next > 0 { lens_read_ahead(descriptor, Int64(offset + part.upperBound), Int64(next)) }
            var done = part.lowerBound
            while done < part.upperBound {
                let result = uninterrupted {
                    unsafe pread(
                        descriptor, bytes.baseAddress.unsafelyUnwrapped + done, part.upperBound - done,
                        off_t(offset + done))
                }
                guard result != 0 else {
                    throw failed(.io("Cannot read from the spill folder \(folder): the file was cut short."))
                }
                guard result > 0 else { throw failed(.reading("from the spill folder \(folder)")) }
                done += result
            }
            lens_forget_cached(descriptor, Int64(offset + part.lowerBound), Int64(part.count))
        }
    }

    private func failed(_ error: LensError) -> LensError {
        LensError(.io, error.message + " Use another --spill-folder, or more memory.")
    }

    private static func parts(of count: Int) -> [Range<Int>] {
        stride(from: 0, to: count, by: chunk).map { $0..<min($0 + chunk, count) }
    }
}

extension SpillFile {
    /// What the disk was measured at, in bytes per second.
    package struct Speed: Sendable, Equatable {
        package var written, read: Double

        package init(written: Double, read: Double) {
            (self.written, self.read) = (written, read)
        }

        /// Seconds that writing and reading so many bytes once take.
        package func seconds(_ byteCount: Int) -> Double { Double(byteCount) / written + Double(byteCount) / read }
    }

    /// Writes and reads the beginning of the file for a second each at the most. What was there is lost.
    package func measureSpeed() throws(LensError) -> Speed {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: min(4 * Self.chunk, byteCount), alignment: 4096)
        defer { unsafe bytes.deallocate() }
        // Not zeros, which some file systems do not store.
        var generator = SeededGenerator(seed: 1, stream: 0)
        for place in stride(from: 0, to: bytes.count - 7, by: 8) {
            unsafe bytes.storeBytes(of: generator.next(), toByteOffset: place, as: UInt64.self)
        }
        var written = 0
        let toWrite = try Self.rate { () throws(LensError) in
            guard written + bytes.count <= min(byteCount, 1 << 30) else { return nil }
            try unsafe write(UnsafeRawBufferPointer(bytes), at: written)
            written += bytes.count
            return bytes.count
        }
        var read = 0
        let toRead = try Self.rate { () throws(LensError) in
            guard read + bytes.count <= written else { return nil }
            try unsafe self.read(into: bytes, at: read)
            read += bytes.count
            return bytes.count
        }
        return Speed(written: toWrite, read: toRead)
    }

    private static func rate(_ work: () throws(LensError) -> Int?) throws(LensError) -> Double {
        let clock = ContinuousClock()
        let start = clock.now
        var count = 0
        while clock.now - start < .seconds(1), let more = try work() { count += more }
        return Double(max(count, 1)) / max((clock.now - start) / .seconds(1), 1e-9)
    }
}
