import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A model folder that appears whole or not at all: filled beside its place under a temporary name, then renamed.
///
/// An existing model folder is replaced only when the new one is complete. Files in it that are no weights and that
/// the new one does not have (notes, a license) are kept. A folder that is not a model's is never replaced.
final class AtomicFolder {
    /// Where to write files until `commit`.
    let temporaryPath: String
    private let path: String
    private var isOpen = true

    init(path: String) throws(LensError) {
        var path = Folder.resolved(path) ?? path
        while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
        self.path = path
        temporaryPath = "\(path).\(getpid()).part"
        try AtomicFolder.checkReplaceable(path)
        if Folder.entryExists(temporaryPath) { try Folder.remove(temporaryPath) }
        try Folder.create(temporaryPath)
    }

    deinit { if isOpen { try? Folder.remove(temporaryPath) } }

    /// Moves the complete folder to its place. Call once.
    func commit() throws(LensError) {
        try AtomicFolder.checkReplaceable(path)
        if Folder.exists(path) {
            let old = "\(path).\(getpid()).old"
            if Folder.entryExists(old) { try Folder.remove(old) }
            try Folder.rename(path, to: old)
            do throws(LensError) {
                try Folder.rename(temporaryPath, to: path)
            } catch {
                try Folder.rename(old, to: path)
                throw error
            }
            isOpen = false
            try keepOthers(from: old)
            try Folder.remove(old)
        } else {
            try Folder.rename(temporaryPath, to: path)
            isOpen = false
        }
        AtomicFile.syncFolder(containing: path)
    }

    private func keepOthers(from old: String) throws(LensError) {
        for name in try Folder.names(in: old) {
            let isWeights = name.hasSuffix(".safetensors") || name.hasSuffix(".safetensors.index.json")
            if !isWeights && !Folder.entryExists(path + "/" + name) {
                try Folder.rename(old + "/" + name, to: path + "/" + name)
            }
        }
    }

    private static func checkReplaceable(_ path: String) throws(LensError) {
        guard Folder.entryExists(path) else { return }
        guard Folder.exists(path) else {
            throw .io("\(path) exists and is not a folder, so no model folder can be written there.")
        }
        guard try Folder.names(in: path).isEmpty || Folder.fileExists(path + "/config.json") else {
            throw .io(
                "\(path) exists and is not a model folder (it has no config.json), so it is not replaced. Choose "
                    + "another name or remove it.")
        }
    }
}
