import LensFormats
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The folder of one run, locked for as long as this object lives.
///
/// Holds `metrics.jsonl`, `recipe.yaml`, `checkpoints/step-N/` and, at the end, `model/`.
package final class OutputFolder {
    package let path: String
    /// What the user should know when the file system cannot lock the folder.
    package private(set) var warning: String?
    private let lock: Int32

    package var metricsPath: String { path + "/metrics.jsonl" }
    package var recipePath: String { path + "/recipe.yaml" }
    package var checkpointsPath: String { path + "/checkpoints" }
    package var modelPath: String { path + "/model" }
    package var ggufPath: String { path + "/model.gguf" }

    /// Makes the folder where it is missing and locks it.
    ///
    /// `.usage` when another run holds it. The lock ends with the process, however that ends. On a file system without
    /// locks the folder is used unlocked, with a ``warning``.
    package init(path: String) throws(LensError) {
        self.path = path
        if Folders.exists(path) && !Folders.isFolder(path) {
            throw .usage("The output folder \(path) is a file. Give --output another name.")
        }
        try Folders.create(path)
        lock = unsafe "\(path)/.lock".withPathBytes {
            unsafe open($0, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o666)
        }
        guard lock >= 0 else {
            throw .writing(path, "write into the output folder")
        }
        guard flock(lock, LOCK_EX | LOCK_NB) != 0 else { return }
        let code = errno
        guard code == EWOULDBLOCK else {
            let reason = unsafe String(cString: strerror(code))
            warning =
                "The output folder \(path) cannot be locked (\(reason)): its file system has no locks. Nothing keeps a "
                + "second run from writing there at the same time, so start none."
            return
        }
        // All is set, so that `deinit` closes the lock.
        throw .usage(
            "The output folder \(path) is in use by another run. Wait for it to end, or give --output "
                + "another folder."
        )
    }

    deinit { closeOnce(lock) }

    /// Removes what a killed run was writing, files and folders under temporary names, and puts back a model that it was
    /// replacing. `warn` is told of what cannot be removed, which does no harm.
    func removeLeftovers(warn: (String) -> Void) throws(LensError) {
        try AtomicFolder.recover(modelPath)
        for name in try Folders.names(in: path) where name.hasSuffix(".part") {
            do throws(LensError) { try Folders.remove("\(path)/\(name)") } catch {
                warn("\(error.message) It is left from a run that was killed, and stays.")
            }
        }
    }

    /// Throws `.io` when a checkpoint or the trained model could not be written where they belong: now, and not when there
    /// is something to lose. Metrics and settings are opened before the first update anyway.
    func requireWritable(export: TrainingSettings.Export) throws(LensError) {
        if Folders.entryExists(checkpointsPath) {
            guard Folders.isFolder(checkpointsPath) else {
                let what = Folders.exists(checkpointsPath) ? "is a file" : "is a link that leads nowhere"
                throw .io(
                    "\(checkpointsPath) \(what), so that no checkpoint can be saved there. Move it away, or give --output "
                        + "another folder.")
            }
            _ = try AtomicFolder(path: checkpointsPath + "/step-1")
        }
        try requireReplaceableModel(modelPath)
        // Begun and abandoned, they tell what writing them would.
        _ = try AtomicFolder(path: modelPath)
        if export == .gguf { _ = try AtomicFile(path: ggufPath) }
    }

    /// Throws `.usage` when the folder holds a run that a new one would write over.
    func requireFresh() throws(LensError) {
        if let last = CheckpointStore.positions(in: checkpointsPath).last {
            throw .usage(
                "\(path) holds a run with checkpoints up to \(last). Add --resume to continue it, or give "
                    + "--output another folder."
            )
        }
        if Folders.exists(modelPath) {
            throw .usage("\(path) holds a trained model. Give --output another folder, or move the old one away.")
        }
    }
}
