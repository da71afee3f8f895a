import LongLens

/// A reader that is fed with hostile input.
struct Target: Sendable {
    let name: String
    /// Valid inputs, small ones: those of `seeds/NAME` come beside them.
    var seeds: @Sendable () throws -> [[UInt8]] = { [] }
    /// Reads the input and uses what was read. A `LensError` is a right answer; a trap is a finding.
    let run: @Sendable (_ input: [UInt8], _ scratch: Scratch) throws -> Void

    static let all: [Target] = [
        .gguf, .ggufParts, .blocks, .safetensors, .folder, .llama2c, .tokenizer, .sentencePiece, .llama2cTokenizer,
        .scores, .journal, .documents, .recipe, .options, .checkpoint, .metrics,
    ]
}

/// Goes on where a `LensError` is a right answer and other ways to read the same input are left.
func attempt(_ body: () throws -> Void) throws {
    do { try body() } catch let error as LensError { precondition(!error.message.isEmpty) }
}

/// The parts of an input that stands for several files: `count` of them, cut at bytes that text does not have.
func parts(_ input: [UInt8], _ count: Int) -> [ArraySlice<UInt8>] {
    let found = input.split(separator: 0, maxSplits: count - 1, omittingEmptySubsequences: false)
    return found + Array(repeating: [], count: count - found.count)
}
