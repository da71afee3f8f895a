import LensFormats
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
        let formats: [ModelFormat] = settings.export == .gguf ? [.huggingFace, .gguf] : [.huggingFace]
        modelByteCount = formats.reduce(0) { $0 + $1.byteCount(of: configuration, as: .f32) }
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

    /// `.io` when the disk of `folder` has less room.
    func check(_ folder: String) throws(LensError) {
        let model = "the trained model takes \(describeByteCount(modelByteCount))"
        try DiskRoom.require(
            neededByteCount, at: folder,
            for: toCome > 0
                ? "a checkpoint takes \(describeByteCount(checkpointByteCount)), the last \(keep) are kept while the next "
                    + "is written, and \(model)" : model,
            advice: toCome > 0 ? "lower --keep, or give --output another disk" : "give --output another disk")
    }
}
