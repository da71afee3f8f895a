import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `metrics.jsonl`: one line an update, in the order of the updates.
package final class MetricsLog {
    package let path: String
    private let descriptor: Int32

    /// Opens the log of a run that goes on after update `step`: lines past it, and a line that a killed run left
    /// unfinished, are cut off, so that the file comes to equal that of a run without interruption.
    ///
    /// - Parameter warn: is told of damaged lines, which are left out while the good ones around them stay, and of a link
    ///   in the file's place, which is replaced by a file: what it leads to is not written to.
    package init(
        path: String, continuingAfter step: Int, warn: (String) -> Void = { _ in }
    ) throws(LensError) {
        self.path = path
        try Self.prepare(path, through: step, warn)
        descriptor = unsafe path.withPathBytes {
            unsafe open($0, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0o666)
        }
        guard descriptor >= 0 else { throw .writing(path, "open") }
    }

    deinit { closeOnce(descriptor) }

    /// Appends a line. It is in the file when this returns, and on the disk after `flush`.
    package func append(_ metrics: StepMetrics) throws(LensError) {
        guard writeAll(Array((metrics.json + "\n").utf8), to: descriptor) else { throw .writing(path) }
    }

    /// Puts the lines on the disk: a checkpoint must never be ahead of its metrics.
    package func flush() throws(LensError) {
        guard fsync(descriptor) == 0 else { throw .writing(path, "flush") }
    }

    // MARK: What is kept of an older log

    /// Leaves the lines of updates 1 to `step` in the file, or no file.
    private static func prepare(_ path: String, through step: Int, _ warn: (String) -> Void) throws(LensError) {
        let link = FileStatus(path, followingLinks: false)?.kind == .link
        guard Folders.exists(path), step > 0 else {
            if link { try unlink(path, warn) }
            if Folders.exists(path) { try empty(path) }
            return
        }
        let input = try InputFile(regular: path)
        let byteCount = input.status?.byteCount ?? 0
        if link { try unlink(path, warn) }
        // Nothing to leave out is the usual case, and needs no copy.
        let kept = try keptByteCount(input, through: step, warn)
        if kept == byteCount && !link { return }
        try input.rewind()
        let file = try AtomicFile(path: path)
        try forEachGoodLine(input, through: step) { (line) throws(LensError) in
            try file.write(line + [UInt8(ascii: "\n")])
        }
        try file.commit()
    }

    private static func unlink(_ path: String, _ warn: (String) -> Void) throws(LensError) {
        try Folders.remove(path)
        warn("\(path) was a link. It is a file from here on, and what the link led to stays as it was.")
    }

    private static func empty(_ path: String) throws(LensError) {
        // A folder or a pipe is told by the file that would take its place.
        let file = try AtomicFile(path: path)
        try file.commit()
    }

    /// Bytes of the good lines, each with its line feed.
    private static func keptByteCount(
        _ input: InputFile, through step: Int, _ warn: (String) -> Void
    ) throws(LensError) -> Int {
        var kept = 0
        var damaged: [Int] = []
        try forEachGoodLine(input, through: step, damaged: { damaged.append($0) }) { kept += $0.count + 1 }
        if let first = damaged.first {
            warn(
                damaged.count == 1
                    ? "\(input.path), line \(first): it is damaged, and is left out."
                    : "\(input.path), lines \(damaged.prefix(10).map(String.init).joined(separator: ", "))"
                        + "\(damaged.count > 10 ? " and \(damaged.count - 10) more" : ""): they are damaged, and are left out."
            )
        }
        return kept
    }

    /// Calls `body` with each line that is of an update up to `step` and after those before it.
    private static func forEachGoodLine(
        _ input: InputFile, through step: Int, damaged: (Int) -> Void = { _ in },
        _ body: ([UInt8]) throws(LensError) -> Void
    ) throws(LensError) {
        let reader = LineReader(input)
        var last = 0, end = 0
        let byteCount = input.status?.byteCount ?? 0
        while let line = try reader.next() {
            end += line.count + 1
            guard let number = self.step(of: line), number > last else {
                // A last line without its line feed is what a killed run was writing.
                if end <= byteCount { damaged(reader.line) }
                continue
            }
            guard number <= step else { continue }
            last = number
            try body(line)
        }
    }

    /// The update of a whole line of metrics.
    private static func step(of line: [UInt8]) -> Int? {
        guard let value = try? JSONValue.parse(line, path: "metrics"), case .integer(let step)? = value["step"] else {
            return nil
        }
        return value["loss"] != nil && value["nll"] != nil && value["peak_rss_bytes"] != nil ? step : nil
    }
}
