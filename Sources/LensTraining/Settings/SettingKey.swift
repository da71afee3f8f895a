/// A setting of a training run, under the one name it has on the command line (`--learning-rate`) and in a recipe
/// (`learning-rate:`).
package enum SettingKey: String, CaseIterable, Sendable {
    case model, tokenizer, data, bos, eos, special, output, context, pack
    case packPositions = "pack-positions"
    case positions, scheme, scorer
    case scorerContext = "scorer-context"
    case scorerStride = "scorer-stride"
    case ropeTheta = "rope-theta"
    case ropeScaling = "rope-scaling"
    case steps, accumulate
    case learningRate = "learning-rate"
    case warmup, schedule
    case weightDecay = "weight-decay"
    case beta1, beta2, epsilon, clip, seed, shuffle
    case saveEvery = "save-every"
    case keep, resume
    case memoryLimit = "memory-limit"
    case spillFolder = "spill-folder"
    case layerInputs = "layer-inputs"
    case export, threads

    /// True when two values of the setting lead to different weights. A resumed run must keep these, but for
    /// ``mayChangeOnResume``.
    ///
    /// `data` and `model` are not among them: a run compares what is in them, so that they may move. Neither is
    /// `steps`, so that a run can be made longer.
    var changesArithmetic: Bool {
        switch self {
        case .context, .pack, .packPositions, .positions, .scheme, .scorerContext, .scorerStride, .ropeTheta,
            .ropeScaling, .accumulate, .learningRate, .warmup, .schedule, .weightDecay, .beta1, .beta2, .epsilon, .clip,
            .seed, .shuffle, .layerInputs:
            true
        case .model, .tokenizer, .data, .bos, .eos, .special, .output, .scorer, .steps, .saveEvery, .keep, .resume,
            .memoryLimit, .spillFolder, .export, .threads:
            false
        }
    }

    /// True for what of ``changesArithmetic`` a resumed run may change all the same: it acts on the updates to come alone.
    var mayChangeOnResume: Bool { self == .learningRate || self == .warmup || self == .schedule }
}
