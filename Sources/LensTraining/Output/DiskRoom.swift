import LensFormats
import LensModels
import LensSupport

/// What a run will write, compared with the room on its disk: before the first update, not after hours of them.
struct DiskRoom {
    /// Bytes of a checkpoint, and of one made inside an update, which holds the accumulated gradients too.
    let checkpointByteCount, partialCheckpointByteCount: Int
    /// Bytes of the trained model and of its export.
    let modelByteCount: Int
    /// Checkpoints that are kept, that are there, and that are to come.
    let keep, present, toCome: Int

    init(
        _ configuration: ModelConfiguration, settings: TrainingSettings, present: Int, stepsDone: Int, steps: Int
    ) {
        let store = ParameterStore.byteCount(configuration)
        checkpointByteCount = store * TrainingState.fileNames.count
        partialCheckpointByteCount = settings.accumulate > 1 ? checkpointByteCount + store : checkpointByteCount
        modelByteCount = settings.export == .gguf ? 2 * store : store
        keep = settings.keep
        self.present = present
        toCome = stepsDone < steps ? max(1, steps / settings.saveEvery - stepsDone / settings.saveEvery) : 0
    }

    /// The most that is written beside what is there already. A checkpoint is removed when its successor is whole, so
    /// that there is one more for a while.
    var neededByteCount: Int {
        guard toCome > 0 else { return modelByteCount }
        let staying = max(0, min(keep, present + toCome) - present)
        let whileSaving =
            max(0, min(keep, present + toCome - 1) - present) * checkpointByteCount
            + partialCheckpointByteCount
        return max(whileSaving, staying * checkpointByteCount + modelByteCount)
    }

    /// `.io` when the file system of `folder` has less room; nothing when it cannot be told.
    func check(_ folder: String) throws(LensError) {
        guard let free = Folders.freeByteCount(at: folder), free < neededByteCount else { return }
        let model = "the trained model takes \(describeByteCount(modelByteCount))"
        throw .io(
            "The disk of \(folder) has \(describeByteCount(free)) free, and the run will write "
                + "\(describeByteCount(neededByteCount)): "
                + (toCome > 0
                    ? "a checkpoint takes \(describeByteCount(checkpointByteCount)), the last \(keep) are kept while the "
                        + "next is written, and \(model). Make room, lower --keep, or give --output another disk."
                    : "\(model). Make room, or give --output another disk."))
    }
}
