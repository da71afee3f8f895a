import ArgumentParser
import LensFormats
import LensKernels
import LensModels
import LensSupport
import Logging

/// What the commands that write a model have in common: they stop between two tensors when they are asked to, and
/// nothing of the output is there then.
package struct ModelWriting {
    private let output: String
    private let machine: RunOptions
    package let stop = StopRequest()
    package let runtime: Runtime

    package init(_ output: String, _ machine: RunOptions) throws(LensError) {
        runtime = try machine.runtime()
        self.output = output
        self.machine = machine
        Interrupts.forward(to: stop, announcing: "stopping")
    }

    /// Throws `.interrupted` once a signal has asked for the end.
    package func check() throws(LensError) {
        try stop.check("Stopped before \(output) was written: nothing of it is kept, and what was there before stays.")
    }

    /// Loads the model at `path`.
    ///
    /// - Parameter before: called before a weight is read, to see whether the disk has room for what will be written.
    package func load(
        _ path: String, tokenizer: String?, before: (ModelConfiguration) throws(LensError) -> Void
    ) throws(LensError) -> Pretrained {
        let pretrained = try loadSayingWarnings(
            path, tokenizer: tokenizer, on: runtime, before: before, check: check)
        machine.note(pretrained, runtime)
        return pretrained
    }

    package func report(_ type: GGUFFileType) { machine.log.notice("wrote \(output) in \(type.argument)") }
}

extension GGUFFileType: ExpressibleByArgument {
    public init?(argument: String) { self.init(name: argument) }

    /// As it is written on the command line.
    var argument: String { name.lowercased() }

    public var defaultValueDescription: String { argument }
    /// None: the list of names is enough.
    public static var allValueDescriptions: [String: String] { [:] }
    public static var allValueStrings: [String] { allCases.map(\.argument) }
    public static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }
}
