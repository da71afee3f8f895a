import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A read-only memory mapping of a whole file. Pages are read when they are touched.
///
/// A file that is cut short while it is mapped ends the process by SIGBUS at the next touch, see
/// ``explainsBusErrors()``: what is read over a long time is better read by ``InputFile``.
@safe
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let count: Int
    private let start: UnsafeMutableRawPointer?
    private let number: Int

    /// Maps `path`. An absent file is `.missing`; a folder, a pipe or an unreadable file is `.io`; an empty file has
    /// count 0.
    package init(path: String) throws(LensError) {
        self.path = path
        let descriptor = try openRegular(path)
        defer { closeOnce(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else { throw .reading(path) }
        count = status.byteCount
        if count == 0 {
            unsafe start = nil
            number = -1
        } else {
            guard let mapping = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0),
                unsafe mapping != MAP_FAILED
            else { throw .reading(path, "map") }
            unsafe start = mapping
            number = unsafe lens_remember_mapping(mapping, count, path.printable)
        }
    }

    deinit {
        lens_forget_mapping(number)
        if let start = unsafe start { _ = unsafe munmap(start, count) }
    }

    /// The bytes, for bounds-checked readers and C; valid while the mapping lives.
    @unsafe package var buffer: UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: start, count: count) }

    /// Gives back the memory of pages that were read. They are read again where they are touched.
    package func releasePages() {
        if let start = unsafe start { _ = unsafe madvise(start, count, MADV_DONTNEED) }
    }

    /// From here on a mapped page that cannot be read ends the process with a paragraph and status 74, not with a bare
    /// SIGBUS. For programs, which own their signal handlers; a library calls it never.
    package static func explainsBusErrors() { lens_explain_bus_errors() }
}
