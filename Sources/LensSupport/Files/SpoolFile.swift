import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A temporary file that has no name: it is gone when it is closed, whatever happens.
package final class SpoolFile {
    private let path: String
    private let descriptor: Int32
    package private(set) var count = 0

    /// - Parameter path: the file whose disk it shares, for messages too.
    package init(beside path: String) throws(LensError) {
        self.path = path
        let folder = path.parentFolder
        var descriptor = unsafe folder.withPathBytes { unsafe lens_open_nameless($0) }
        if descriptor < 0 {
            let name = TemporaryName.make(in: folder)
            descriptor = unsafe name.withPathBytes {
                unsafe open($0, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            }
            guard descriptor >= 0 else { throw .writing(path, "create a temporary file beside") }
            _ = unsafe name.withPathBytes { unsafe unlink($0) }
        }
        self.descriptor = descriptor
    }

    deinit { _ = close(descriptor) }

    package func append<Element: BitwiseCopyable>(_ elements: [Element]) throws(LensError) {
        let size = elements.count * MemoryLayout<Element>.stride
        var written = 0
        while written < size {
            let result = unsafe elements.withUnsafeBytes { bytes in
                unsafe pwrite(
                    descriptor, bytes.baseAddress.unsafelyUnwrapped + written, size - written, off_t(count + written))
            }
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw .writing(path) }
            written += result
        }
        count += size
    }

    /// `count` elements of 4 bytes.
    package func read(_ count: Int, at offset: Int) throws(LensError) -> [UInt32] {
        var elements = [UInt32](repeating: 0, count: count)
        var done = 0
        while done < count * 4 {
            let result = unsafe elements.withUnsafeMutableBytes { bytes in
                unsafe pread(
                    descriptor, bytes.baseAddress.unsafelyUnwrapped + done, count * 4 - done, off_t(offset + done))
            }
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw .reading(path) }
            done += result
        }
        return elements
    }
}
