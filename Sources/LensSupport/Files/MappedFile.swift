import CLensSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// How the file of a model comes into memory.
public enum FileAccess: Sendable {
    /// Mapped: pages are read when they are touched. A file that is cut short meanwhile ends the process by SIGBUS.
    case mapped
    /// Read at once into memory of its own: what happens to the file afterwards does not matter.
    case copied
}

/// A whole file in memory, read-only: mapped, so that pages are read when they are touched, or copied.
///
/// A file that is cut short while it is mapped ends the process by SIGBUS at the next touch, see
/// ``explainsBusErrors()``: what is read over a long time is better read by ``InputFile``.
@safe
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let count: Int
    private let start: UnsafeMutableRawPointer?
    private let number: Int
    private let isMapped: Bool

    /// Maps or copies `path`. An absent file is `.missing`; a folder, a pipe or an unreadable file is `.io`; an empty file
    /// has count 0. Copying, `.machine` when there is no memory, and `.data` when the file ends too early.
    ///
    /// - Parameter limit: so many bytes at its start are enough.
    package init(path: String, access: FileAccess = .mapped, limit: Int = .max) throws(LensError) {
        self.path = path
        let descriptor = try openRegular(path)
        defer { closeOnce(descriptor) }
        guard let status = FileStatus(descriptor: descriptor) else { throw .reading(path) }
        count = min(status.byteCount, limit)
        isMapped = access == .mapped
        if count == 0 {
            unsafe start = nil
            number = -1
        } else if access == .copied {
            unsafe start = try Self.copy(of: descriptor, path: path, count: count)
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

    /// Memory of its own with the first `count` bytes of an open file.
    private static func copy(
        of descriptor: Int32, path: String, count: Int
    ) throws(LensError) -> UnsafeMutableRawPointer {
        let free = SystemMemory.available
        guard count <= free,
            let memory = unsafe mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe memory != MAP_FAILED
        else {
            throw .machine(
                "\(path) takes \(describeByteCount(count)) of memory to read, and \(describeByteCount(free)) are free.")
        }
        do throws(LensError) {
            let file = InputFile(descriptor: descriptor, name: path)
            try unsafe file.read(into: UnsafeMutableRawBufferPointer(start: memory, count: count), at: 0)
        } catch {
            _ = unsafe munmap(memory, count)
            throw error
        }
        return unsafe memory
    }

    /// Gives back the memory of mapped pages that were read. They are read again where they are touched.
    package func releasePages() {
        if isMapped, let start = unsafe start { _ = unsafe madvise(start, count, MADV_DONTNEED) }
    }

    /// From here on a mapped page that cannot be read ends the process with a paragraph and status 74, not with a bare
    /// SIGBUS. For programs, which own their signal handlers; a library calls it never.
    package static func explainsBusErrors() { lens_explain_bus_errors() }
}
