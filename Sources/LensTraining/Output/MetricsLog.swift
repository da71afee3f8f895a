import LensSupport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `metrics.jsonl`: one line an update, in the order of the updates.
public final class MetricsLog {
    public let path: String
    private let descriptor: Int32

    /// Opens the log of a run that goes on after update `step`: lines past it, and a line that a killed run left
    /// unfinished, are cut off, so that the file comes to equal that of a run without interruption.
    public init(path: String, continuingAfter step: Int) throws(LensError) {
        self.path = path
        let kept = try Self.keptByteCount(path: path, through: step)
        descriptor = unsafe path.withPathBytes { unsafe open($0, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666) }
        guard descriptor >= 0 else { throw .writing(path, "open") }
        guard ftruncate(descriptor, off_t(kept)) == 0, lseek(descriptor, 0, SEEK_END) == off_t(kept) else {
            let error = LensError.writing(path, "shorten")
            _ = close(descriptor)
            throw error
        }
    }

    deinit { _ = close(descriptor) }

    /// Appends a line. It is in the file when this returns, and on the disk after `flush`.
    public func append(_ metrics: StepMetrics) throws(LensError) {
        let line = Array((metrics.json + "\n").utf8)
        var written = 0
        while written < line.count {
            let result = unsafe line.withUnsafeBytes { bytes in
                unsafe write(descriptor, bytes.baseAddress.unsafelyUnwrapped + written, line.count - written)
            }
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw .writing(path) }
            written += result
        }
    }

    /// Puts the lines on the disk: a checkpoint must never be ahead of its metrics.
    public func flush() throws(LensError) {
        guard fsync(descriptor) == 0 else { throw .writing(path, "flush") }
    }

    private struct Line: Decodable { let step: Int }

    private static func keptByteCount(path: String, through step: Int) throws(LensError) -> Int {
        guard step > 0, Folders.exists(path) else { return 0 }
        let file = try MappedFile(path: path)
        let bytes = unsafe file.buffer
        var kept = 0
        while kept < file.count, let end = unsafe bytes[kept...].firstIndex(of: UInt8(ascii: "\n")) {
            let line = unsafe Data(bytes[kept..<end])
            guard let entry = try? JSONDecoder().decode(Line.self, from: line), entry.step <= step else { break }
            kept = end + 1
        }
        return kept
    }
}
