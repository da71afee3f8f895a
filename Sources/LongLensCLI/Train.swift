import ArgumentParser
import LensCommands
import LongLens

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains all of a model's weights on long documents with a token-weighted loss.",
        discussion: """
            The scheme says how each token's weight follows from its loss under the long and under a short context.
            The scorer gives the short one: self (the trained model), another model, or a file that score has written.
            Every setting may stand in a recipe (--recipe FILE.yaml) under the same name; the command line wins.
            Ctrl-C, or another signal that asks for an end, finishes the sequence at hand and saves; the exit status is then
            128 + the signal (130 for Ctrl-C). --resume goes on to the same bits. A resumed run may change --learning-rate,
            --warmup and --schedule from there on, and what changes no bits.
            """)

    @Option(name: .long, help: "A YAML file of settings.", completion: .file(extensions: ["yaml", "yml"])) var recipe:
        String?
    @Option(name: .long, help: "Model to start from.", completion: .file()) var model: String?
    @Option(name: .long, help: "Tokenizer file, for formats that carry none.", completion: .file()) var tokenizer:
        String?
    @Option(
        name: .long, parsing: .upToNextOption, help: "Documents: .txt, .jsonl, .gz or .zst of these, folders.",
        completion: .file())
    var data: [String] = []
    @Option(
        name: .long, help: "When text begins with BOS: auto, always, never (default: auto).",
        completion: .list(BoundaryPolicy.allValueStrings))
    var bos: String?
    @Option(
        name: .long, help: "When text ends with EOS: auto, always, never (default: auto).",
        completion: .list(BoundaryPolicy.allValueStrings))
    var eos: String?
    @Flag(name: .long, help: "Read special tokens written in text as such; without it they are plain text.")
    var special = false
    @Option(name: .long, help: "Folder for metrics, checkpoints and the trained model.", completion: .directory)
    var output: String?
    @Option(name: .long, help: "Tokens of a sequence, such as 32768 or 32k.") var context: String?
    @Flag(name: .long, help: "Let whole documents share a sequence, each seeing itself alone.") var pack = false
    @Option(
        name: .customLong("pack-positions"),
        help: "Positions in packed documents: restart, run-on (default: restart).",
        completion: .list(["restart", "run-on"])) var packPositions: String?
    @Option(
        name: .long,
        help:
            "pose:chunks=2,target=64k: let positions skip, so that short sequences train far distances (default: none skip)."
    ) var positions: String?
    @Option(
        name: .long,
        help:
            "Weighting scheme: uniform, dense:lambda=0.75, sparse:kappa=0.2, longce:gamma=5, ppmi:shift=1, npmi:shift=1, rho:kappa=0.6, longfilter, exact:…, pipeline:….",
        completion: .list(WeightingScheme.forms.map(\.name)))
    var scheme: String?
    @Option(
        name: .long, help: "self, a model, or a score file (default: self, where the scheme needs one).",
        completion: .file()) var scorer: String?
    @Option(
        name: .customLong("scorer-context"),
        help:
            "Tokens of the short context (default: what the model was made for where --context is longer, else a quarter)."
    ) var scorerContext: String?
    @Option(
        name: .customLong("scorer-stride"), help: "Tokens from one short window to the next (default: as score has it)."
    ) var scorerStride: String?
    @Option(name: .long, help: "Updates (default: one pass over the data).") var steps: String?
    @Option(name: .long, help: "Sequences of an update (default: 1).") var accumulate: String?
    @Option(name: .customLong("learning-rate"), help: "Largest learning rate (default: 2e-5).") var learningRate:
        String?
    @Option(name: .long, help: "Updates over which the learning rate rises (default: 20).") var warmup: String?
    @Option(
        name: .long, help: "constant, linear or cosine (default: constant).",
        completion: .list(LearningRateSchedule.Shape.allCases.map(\.rawValue)))
    var schedule: String?
    @Option(name: .customLong("weight-decay"), help: "AdamW: decay of the matrices, decoupled (default: 0.01).")
    var weightDecay: String?
    @Option(name: .long, help: "AdamW: decay of the mean gradient (default: 0.9).") var beta1: String?
    @Option(name: .long, help: "AdamW: decay of the mean squared gradient (default: 0.95).") var beta2: String?
    @Option(name: .long, help: "AdamW: added to the root of the mean square (default: 1e-8).") var epsilon: String?
    @Option(name: .long, help: "Largest gradient norm; 0 clips nothing (default: 1).") var clip: String?
    @Option(name: .customLong("rope-theta"), help: "New rotary base (default: the model's).") var ropeTheta: String?
    @Option(
        name: .customLong("rope-scaling"), help: "TYPE:key=value,… such as yarn:factor=4 (default: the model's).",
        completion: .list(["none", "linear", "dynamic", "yarn", "llama3"]))
    var ropeScaling: String?
    @Option(name: .long, help: "Decides order and ties (default: 42).") var seed: String?
    @Option(name: .long, help: "true or false (default: true).", completion: .list(["true", "false"])) var shuffle:
        String?
    @Option(name: .customLong("save-every"), help: "Updates between checkpoints (default: 10).") var saveEvery: String?
    @Option(name: .long, help: "Checkpoints to keep (default: 2).") var keep: String?
    @Option(
        name: .customLong("memory-limit"),
        help: "Memory to stay within, such as 8GiB (default: what the machine has free).")
    var memoryLimit: String?
    @Option(
        name: .customLong("spill-folder"),
        help: "Folder on a disk for the inputs of layers, where memory does not suffice (default: none).",
        completion: .directory)
    var spillFolder: String?
    @Option(
        name: .customLong("layer-inputs"),
        help: "f32, or bf16: half of the memory and disk for them, and gradients that are not exact (default: f32).",
        completion: .list(LayerInputType.allCases.map(\.rawValue)))
    var layerInputs: String?
    @Option(
        name: .long, help: "gguf: write the trained model as GGUF too (default: none).",
        completion: .list(["none", "gguf"]))
    var export: String?
    @Flag(name: .long, help: "Go on from the newest checkpoint.") var resume = false
    @OptionGroup var machine: RunOptions

    mutating func run() throws {
        var layer = SettingsLayer()
        let options: [(SettingKey, String?)] = [
            (.model, model), (.tokenizer, tokenizer), (.bos, bos), (.eos, eos), (.special, special ? "true" : nil),
            (.output, output), (.context, context), (.pack, pack ? "true" : nil), (.packPositions, packPositions),
            (.positions, positions),
            (.scheme, scheme), (.scorer, scorer), (.scorerContext, scorerContext), (.scorerStride, scorerStride),
            (.steps, steps), (.accumulate, accumulate), (.learningRate, learningRate), (.warmup, warmup),
            (.schedule, schedule), (.weightDecay, weightDecay), (.beta1, beta1), (.beta2, beta2), (.epsilon, epsilon),
            (.clip, clip), (.ropeTheta, ropeTheta), (.ropeScaling, ropeScaling), (.seed, seed), (.shuffle, shuffle),
            (.saveEvery, saveEvery), (.keep, keep), (.memoryLimit, memoryLimit),
            (.spillFolder, spillFolder), (.layerInputs, layerInputs), (.export, export),
            (.threads, machine.computing.threads.map(String.init)), (.resume, resume ? "true" : nil),
        ]
        for (key, value) in options { if let value { layer.set(key, value) } }
        if !data.isEmpty { layer.set(.data, data) }
        let settings = try TrainingSettings(recipe: recipe, options: layer)
        machine.computing.threads = settings.threads
        let runtime = try machine.runtime()
        let stop = StopRequest()
        Interrupts.forward(to: stop, announcing: "stopping before the first update")
        let observer = TrainingProgress(machine)
        try Trainer.run(settings, on: runtime, observer: observer, stop: stop)
        observer.report()
    }
}
