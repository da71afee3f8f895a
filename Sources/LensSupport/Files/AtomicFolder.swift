#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A folder that appears whole or not at all: filled beside its place under a temporary name, then put there.
///
/// A folder that is replaced is whole at every instant: old and new change places, where the file system can.
package final class AtomicFolder {
    /// Where to write files until `commit`.
    package let temporaryPath: String
    private let path: String
    /// Where the old folder stands for an instant, on file systems that cannot exchange two.
    private let asidePath: String
    private let lock: Int32
    private var isOpen = true

    /// Makes the temporary folder, and removes what killed runs left beside it.
    package init(path: String) throws(LensError) {
        var path = Folders.resolved(path) ?? path
        while path.utf8.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
        let parent = path.parentFolder
        asidePath = "\(parent)/.\(path.lastPathComponent).longlens-old"
        try Self.recover(path, asidePath)
        TemporaryName.removeLeftovers(in: parent)
        temporaryPath = TemporaryName.make(in: parent)
        guard unsafe temporaryPath.withPathBytes({ unsafe mkdir($0, 0o777) }) == 0 else {
            throw .writing(path, "make the folder")
        }
        lock = unsafe temporaryPath.withPathBytes { unsafe open($0, O_RDONLY | O_CLOEXEC) }
        if lock >= 0 { _ = TemporaryName.lock(lock) }
    }

    deinit {
        if isOpen { try? Folders.remove(temporaryPath) }
        closeOnce(lock)
    }

    /// Puts back a folder that a run was replacing when it was killed.
    package static func recover(_ path: String) throws(LensError) {
        try recover(path, "\(path.parentFolder)/.\(path.lastPathComponent).longlens-old")
    }

    private static func recover(_ path: String, _ asidePath: String) throws(LensError) {
        guard Folders.entryExists(asidePath) else { return }
        if Folders.entryExists(path) { try Folders.remove(asidePath) } else { try Folders.rename(asidePath, to: path) }
    }

    /// Puts the complete folder in its place. Call once.
    ///
    /// - Parameter keeps: tells of a name in the folder that is replaced, and that the new one lacks, whether it is kept.
    package func commit(keeping keeps: (String) -> Bool = { _ in false }) throws(LensError) {
        guard Folders.exists(path) else {
            try Folders.rename(temporaryPath, to: path)
            isOpen = false
            return
        }
        for name in try Folders.names(in: path) where keeps(name) && !Folders.entryExists("\(temporaryPath)/\(name)") {
            try Folders.link("\(path)/\(name)", to: "\(temporaryPath)/\(name)")
        }
        Folders.sync(temporaryPath)
        if Folders.exchange(temporaryPath, path) {
            Folders.sync(path.parentFolder)
            return  // the old one goes with this object
        }
        try Folders.rename(path, to: asidePath)
        do throws(LensError) {
            try Folders.rename(temporaryPath, to: path)
        } catch {
            try Folders.rename(asidePath, to: path)
            throw error
        }
        isOpen = false
        try Folders.remove(asidePath)
    }
}

extension Folders {
    /// Gives a file or folder a second name, file by file; where files cannot have two, their bytes are copied.
    fileprivate static func link(_ path: String, to other: String) throws(LensError) {
        switch FileStatus(path, followingLinks: false)?.kind {
        case .folder:
            guard unsafe other.withPathBytes({ unsafe mkdir($0, 0o777) }) == 0 else {
                throw .writing(other, "make the folder")
            }
            for name in try names(in: path) { try link(path + "/" + name, to: other + "/" + name) }
        case .link:
            guard let target = destination(ofLink: path) else { throw .reading(path) }
            let result = unsafe target.withPathBytes { target in
                unsafe other.withPathBytes { unsafe symlink(target, $0) }
            }
            guard result == 0 else { throw .writing(other, "create") }
        default:
            let result = unsafe path.withPathBytes { path in unsafe other.withPathBytes { unsafe posixLink(path, $0) } }
            if result == 0 { return }
            let input = try InputFile(regular: path)
            let output = try AtomicFile(path: other)
            while case let bytes = try input.chunk(), !bytes.isEmpty { try output.write(bytes) }
            try output.commit()
        }
    }
}

// Inside the type, `link` is its own.
private func posixLink(_ path: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>) -> Int32 {
    unsafe link(path, other)
}
