import LensFormats
import LensKernels
import LensModels
import LensSupport

/// What a run will write, compared with the room on its disk: before the first update, not after hours of them.
struct TrainingRoom {
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
        let exported = settings.export == .gguf ? GGUFFileType.f32.byteCount(of: configuration) : 0
        modelByteCount = TensorType.f32.byteCount(of: configuration) + exported
        keep = settings.keep
        self.present = present
        toCome = stepsDone < steps ? max(1, steps / settings.saveEvery - stepsDone / settings.saveEvery) : 0
    }

    /// The most that checkpoints take beside what is there already. One is removed when its successor is whole, so that
    /// there is one more for a while.
    private var whileSavingByteCount: Int {
        guard toCome > 0 else { return 0 }
        return max(0, min(keep, present + toCome - 1) - present) * checkpointByteCount + partialCheckpointByteCount
    }

    /// The most that is written on one disk beside what is there already.
    private var neededByteCount: Int {
        let staying = toCome > 0 ? max(0, min(keep, present + toCome) - present) : 0
        return max(whileSavingByteCount, staying * checkpointByteCount + modelByteCount)
    }

    /// `.io` when the disk of the folder has less room; that of the checkpoints may be another.
    func check(_ folder: OutputFolder) throws(LensError) {
        let model = "the trained model takes \(describeByteCount(modelByteCount))"
        let checkpoints =
            "a checkpoint takes \(describeByteCount(checkpointByteCount)), the last \(keep) are kept while the next is written"
        let elsewhere = "give --output another disk"
        guard Folders.areOnOneDisk(folder.path, folder.checkpointsPath) else {
            try DiskRoom.require(
                whileSavingByteCount, at: folder.checkpointsPath, for: checkpoints, advice: "lower --keep")
            return try DiskRoom.require(modelByteCount, at: folder.path, for: model, advice: elsewhere)
        }
        try DiskRoom.require(
            neededByteCount, at: folder.path, for: toCome > 0 ? "\(checkpoints), and \(model)" : model,
            advice: toCome > 0 ? "lower --keep, or \(elsewhere)" : elsewhere)
    }
}
