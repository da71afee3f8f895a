import ArgumentParser
import LensData
import LensSupport
import LensTokenizers

package struct Tokenize: ParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Prints the token ids of a text.")

    @OptionGroup var model: ModelOptions
    @Option(name: .long, help: "The text.") var text: String?
    @Option(name: .long, help: "A file that holds the text; - for standard input.", completion: .file()) var file:
        String?
    @Option(name: .long, help: "When the ids begin with BOS; auto: where the model defines it.")
    var bos: BoundaryPolicy = .auto
    @Option(name: .long, help: "When the ids end with EOS; auto: where the model defines it.")
    var eos: BoundaryPolicy = .auto
    @Flag(name: .long, help: "Read special tokens written in the text as such.") var special = false
    @Flag(name: .long, help: "As a JSON array.") var json = false

    package init() {}

    package func validate() throws {
        if (text == nil) == (file == nil) { throw ValidationError("Give either --text or --file.") }
    }

    package mutating func run() throws {
        let tokenizer = try model.loadTokenizer()
        let bytes = try text.map { Array($0.utf8) } ?? readBytes(file ?? "-")
        let ids = try ids(of: bytes, tokenizer).map { String($0) }
        try StandardOutput.writeLine(json ? "[\(ids.joined(separator: ","))]" : ids.joined(separator: " "))
    }

    private func ids(of text: [UInt8], _ tokenizer: Tokenizer) throws(LensError) -> [Int32] {
        do {
            return try tokenizer.encode(text, addBOS: bos.adds, addEOS: eos.adds, parseSpecial: special)
        } catch  where error.kind == .data {
            throw .data("\(file ?? "--text"): \(error.message)")
        }
    }
}

package struct Detokenize: ParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Prints the text of token ids.")

    @OptionGroup var model: ModelOptions
    @Argument(help: "Token ids.") var ids: [Int32]

    package init() {}

    package mutating func run() throws {
        try StandardOutput.write(try model.loadTokenizer().decode(ids) + [UInt8(ascii: "\n")])
    }
}
