import LensFormats
import LensKernels
import LensSupport
import LensTokenizers

/// A model with its tokenizer, as files hold them.
public struct Pretrained: Sendable {
    public let model: LanguageModel
    /// Nil when the format carries none and none was given.
    public let tokenizer: Tokenizer?
    /// The path that it was loaded from.
    public let path: String
    /// What the user should know of the model's files and of its tokenizer: one paragraph each.
    public let warnings: [String]
    /// What the files say beside that, for whoever writes the model again.
    public let origin: ModelOrigin

    /// A model with what belongs to it, to be saved for example.
    public init(
        model: LanguageModel, tokenizer: Tokenizer?, path: String, warnings: [String] = [], origin: ModelOrigin = .none
    ) {
        self.origin = origin
        self.model = model
        self.tokenizer = tokenizer
        self.path = path
        self.warnings = warnings
    }

    /// Loads a GGUF file, a Hugging Face folder or a llama2.c file.
    ///
    /// - Parameter tokenizerPath: a tokenizer file for formats without one.
    /// - Parameter compute: what products are computed in. With `int8`, and `auto` where it takes that, quantized matrices
    ///   stay in the file, which is mapped as long as the model lives and must not change; all else becomes fp32.
    /// - Parameter lowMemory: compute from the file's quantized matrices as they are, instead of packing a copy of them.
    /// - Parameter access: `copied` where a file that is cut short while the model lives must not end the program.
    /// - Parameter adjust: called before a weight is read: may change the configuration, to extend the context for example,
    ///   or refuse it.
    /// - Parameter check: called before each tensor is read; what it throws ends the reading.
    /// - Throws: `LensError`: `.missing`, `.data` (malformed, a weight that is not finite), `.machine` (no memory), `.usage`
    ///   (a `compute` or `lowMemory` that is not for the weights in the file).
    public static func load(
        path: String, tokenizerPath: String? = nil, compute: Compute = .f32, lowMemory: Bool = false,
        access: FileAccess = .mapped, on runtime: Runtime = .shared,
        adjust: (inout ModelConfiguration) throws(LensError) -> Void = { (_) throws(LensError) in },
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) -> Pretrained {
        let source = try openModel(path: path, tokenizerPath: tokenizerPath, access: access)
        var tokenizer: Tokenizer?
        if let description = source.tokenizer { tokenizer = try Tokenizer(description) }
        var configuration = source.configuration
        try adjust(&configuration)
        let layout = try WeightLayout(of: source, as: configuration, compute: compute, lowMemory: lowMemory)
        let (needed, free) = (layout.copiedByteCount, SystemMemory.available)
        guard needed <= free else {
            throw .machine(
                "\(path) takes \(describeByteCount(needed)) of memory, computed in \(layout.compute.rawValue), and "
                    + "\(describeByteCount(free)) are free.")
        }
        let model = try LanguageModel(reading: source, layout, on: runtime, check: check)
        return Pretrained(
            model: model, tokenizer: tokenizer, path: path, warnings: source.warnings + (tokenizer?.warnings ?? []),
            origin: source.origin)
    }
}

extension Pretrained {
    /// The token that begins documents: the tokenizer's, or else the model's.
    package var bosToken: Int32? { tokenizer?.bosToken ?? model.configuration.bosToken }
}

extension ParameterStore {
    /// Reads weights of an opened model, all or only some, under a configuration that may differ from the file's in what
    /// has no weights (context, rotary frequencies).
    convenience init(
        reading source: any ModelSource, as configuration: ModelConfiguration, only: [ParameterDescription]? = nil,
        on runtime: Runtime, check: () throws(LensError) -> Void
    ) throws(LensError) {
        try self.init(configuration, only: only ?? configuration.parameters)
        for description in descriptions {
            try check()
            let tensor = self[description.name]
            try unsafe source.read(description.name, into: tensor.elements)
            if let position = try runtime.firstNonFinite(tensor) {
                throw .data(
                    "\(source.path): tensor \(description.name) holds a value that is not finite (element \(position)). The file is damaged, or the training that made it diverged."
                )
            }
        }
    }
}

extension LanguageModel {
    /// Reads all weights of an opened model, kept by a layout of its file. Errors as
    /// ``Pretrained/load(path:tokenizerPath:compute:lowMemory:access:on:adjust:check:)``.
    package convenience init(
        reading source: any ModelSource, _ layout: WeightLayout, on runtime: Runtime = .shared,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) {
        let store: any WeightStore =
            if layout.compute == .f32 {
                try ParameterStore(reading: source, as: layout.configuration, on: runtime, check: check)
            } else {
                try MappedWeights(reading: source, layout, on: runtime, check: check)
            }
        self.init(unshared: store)
    }
}

extension TrainableModel {
    /// Reads all weights of an opened model as fp32, under a configuration that may differ from the file's in what has no
    /// weights (context, rotary frequencies). Errors as ``LanguageModel/init(reading:_:on:check:)``.
    package convenience init(
        reading source: any ModelSource, as configuration: ModelConfiguration, on runtime: Runtime = .shared,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) {
        self.init(try ParameterStore(reading: source, as: configuration, on: runtime, check: check))
    }
}
