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

    /// Loads a GGUF file, a Hugging Face folder or a llama2.c file, its weights as fp32.
    ///
    /// - Parameter tokenizerPath: a tokenizer file for formats without one.
    /// - Parameter adjust: called before a weight is read: may change the configuration, to extend the context for example,
    ///   or refuse it.
    /// - Parameter check: called before each tensor is read; what it throws ends the reading.
    /// - Throws: `LensError`: `.missing`, `.data` (malformed, a weight that is not finite), `.machine` (no memory).
    public static func load(
        path: String, tokenizerPath: String? = nil,
        on runtime: Runtime = .shared,
        adjust: (inout ModelConfiguration) throws(LensError) -> Void = { (_) throws(LensError) in },
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) -> Pretrained {
        let source = try openModel(path: path, tokenizerPath: tokenizerPath)
        var tokenizer: Tokenizer?
        if let description = source.tokenizer { tokenizer = try Tokenizer(description) }
        var configuration = source.configuration
        try adjust(&configuration)
        let model = try LanguageModel(reading: source, as: configuration, on: runtime, check: check)
        return Pretrained(
            model: model, tokenizer: tokenizer, path: path, warnings: source.warnings + (tokenizer?.warnings ?? []),
            origin: source.origin)
    }
}

extension ParameterStore {
    /// Reads all weights of an opened model, under a configuration that may differ from the file's in what has no
    /// weights (context, rotary frequencies).
    convenience init(
        reading source: any ModelSource, as configuration: ModelConfiguration, on runtime: Runtime,
        check: () throws(LensError) -> Void
    ) throws(LensError) {
        try self.init(configuration)
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
    /// Reads all weights of an opened model, under a configuration that may differ from the file's in what has no
    /// weights (context, rotary frequencies). Errors as ``Pretrained/load(path:tokenizerPath:on:adjust:check:)``.
    package convenience init(
        reading source: any ModelSource, as configuration: ModelConfiguration, on runtime: Runtime = .shared,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) {
        self.init(unshared: try ParameterStore(reading: source, as: configuration, on: runtime, check: check))
    }
}

extension TrainableModel {
    /// Reads all weights of an opened model, as ``LanguageModel/init(reading:as:on:check:)`` does.
    package convenience init(
        reading source: any ModelSource, as configuration: ModelConfiguration, on runtime: Runtime = .shared,
        check: () throws(LensError) -> Void = { () throws(LensError) in }
    ) throws(LensError) {
        self.init(try ParameterStore(reading: source, as: configuration, on: runtime, check: check))
    }
}
