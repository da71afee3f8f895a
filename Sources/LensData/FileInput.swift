import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A file or standard input, read from front to back a chunk at a time.
package final class FileInput {
    package let path: String
    private let descriptor: Int32
    private let closes: Bool

    /// Opens `path`. An absent file is `.missing`, an unreadable one `.io`.
    package init(path: String) throws(LensError) {
        self.path = path
        descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        closes = true
        guard descriptor >= 0 else { throw fileFailure("open", path) }
    }

    /// Opens `path` and begins at a byte of it.
    package convenience init(path: String, offset: Int) throws(LensError) {
        try self.init(path: path)
        guard lseek(descriptor, off_t(offset), SEEK_SET) == off_t(offset) else { throw fileFailure("read", path) }
    }

    /// Reads a descriptor that stays open; `name` is for messages.
    package init(descriptor: Int32, name: String) {
        path = name
        self.descriptor = descriptor
        closes = false
    }

    deinit { if closes { _ = close(descriptor) } }

    /// The next bytes, at most `count` of them; none at the end.
    package func chunk(_ count: Int = 1 << 18) throws(LensError) -> [UInt8] {
        while true {
            var result = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                unsafe result = read(descriptor, buffer.baseAddress, count)
                initialized = max(0, result)
            }
            if result >= 0 { return bytes }
            guard errno == EINTR else { throw fileFailure("read", path) }
        }
    }

    /// Everything that is left.
    package func rest() throws(LensError) -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let next = try chunk(1 << 20)
            if next.isEmpty { return all }
            all += next
        }
    }
}

/// The error for `path` that `errno` tells of.
func fileFailure(_ verb: String, _ path: String) -> LensError {
    let code = errno
    if code == ENOENT || code == ENOTDIR { return .missing("\(path) does not exist.") }
    return unsafe .io("Cannot \(verb) \(path): \(String(cString: strerror(code))).")
}

/// The lines of a file, one in memory at a time.
package final class LineReader {
    private let input: FileInput
    private var chunk: [UInt8] = []
    private var position = 0
    /// Number of the line that `next` gave last, from 1.
    package private(set) var line = 0
    /// Where that line begins in the file, in bytes.
    package private(set) var offset = 0
    private var nextOffset = 0

    package init(_ input: FileInput) { self.input = input }

    package var path: String { input.path }

    /// The next line without its line feed; a last line need not have one.
    package func next() throws(LensError) -> [UInt8]? {
        var bytes: [UInt8] = []
        var started = false
        while true {
            if position == chunk.count {
                chunk = try input.chunk()
                position = 0
                if chunk.isEmpty {
                    if started { advance(bytes.count) }
                    return started ? bytes : nil
                }
            }
            started = true
            let end = chunk[position...].firstIndex(of: 0x0A)
            bytes += chunk[position..<(end ?? chunk.count)]
            position = end.map { $0 + 1 } ?? chunk.count
            if end != nil {
                advance(bytes.count + 1)
                return bytes
            }
        }
    }

    private func advance(_ count: Int) {
        line += 1
        offset = nextOffset
        nextOffset += count
    }
}
