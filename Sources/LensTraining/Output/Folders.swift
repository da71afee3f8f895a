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

/// The few things that a run does to folders, with errors that say what and where.
enum Folders {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return unsafe stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Makes the folder and those above it; one that is there stays.
    static func create(_ path: String) throws(LensError) {
        guard !isFolder(path) else { return }
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw failure("make the folder", path)
        }
    }

    /// Names of what is in the folder, sorted; none when it is not there.
    static func names(in path: String) -> [String] {
        (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? []
    }

    /// Removes a file, or a folder with all that is in it. What is not there needs no removing.
    static func remove(_ path: String) throws(LensError) {
        guard exists(path) else { return }
        do { try FileManager.default.removeItem(atPath: path) } catch { throw failure("remove", path) }
    }

    static func rename(_ path: String, to other: String) throws(LensError) {
        let result = posixRename(path, other)
        guard result == 0 else { throw failure("rename \(path) to", other) }
        AtomicFile.syncFolder(containing: other)
    }

    private static func failure(_ verb: String, _ path: String) -> LensError {
        let code = errno
        let reason = code == 0 ? "" : unsafe ": " + String(cString: strerror(code))
        return .io("Cannot \(verb) \(path)\(reason).")
    }
}

// Inside the type, `rename` is the method.
private func posixRename(_ path: String, _ other: String) -> Int32 { unsafe rename(path, other) }
