/// Tells files that are often given by mistake from their first bytes, so that an error can say what a file is.
package struct ForeignFile: Sendable {
    /// What a file was given as: the same mistake needs other advice.
    package enum Role: Sendable {
        /// A model, or one of its files.
        case model
        case document
    }

    /// Bytes from a file's start that are looked at.
    package static let startLength = 1024

    /// What the file is: "a git-lfs pointer, not the file itself".
    private let what: String
    /// What to do, by what was wanted; nil where such a file is what was wanted.
    private let model, document: String?
    /// Whether it may be a document all the same, as the source of a web page is.
    private var isText = false

    private init(_ what: String, _ advice: String) { self.init(what, model: advice, document: advice) }

    private init(_ what: String, model: String?, document: String?, isText: Bool = false) {
        (self.what, self.model, self.document, self.isText) = (what, model, document, isText)
    }

    // MARK: What is said

    /// What the file is and what to do, to follow its path: "is a git-lfs pointer …"; nil where nothing is recognized.
    ///
    /// - Parameters:
    ///   - start: the file's first bytes, ``startLength`` where it has them.
    ///   - evenText: also what can be read as a text: for a document that turned out to be none.
    package static func describe(_ start: [UInt8], as role: Role, evenText: Bool = false) -> String? {
        guard let file = recognize(start), let advice = role == .model ? file.model : file.document else { return nil }
        return role == .document && file.isText && !evenText ? nil : "is \(file.what): \(advice)."
    }

    /// The error that says what `file`, given as a model or a part of one, is; nil where it is not recognized.
    package static func error(_ file: MappedFile) -> LensError? {
        error(unsafe Array(file.buffer.prefix(startLength)), path: file.path)
    }

    /// The error that says what the file of these contents, given as a part of a model, is; nil where it is not recognized.
    package static func error(_ contents: [UInt8], path: String) -> LensError? {
        if contents.isEmpty { return .data("\(path) is empty; fetch or make it again.") }
        return describe(Array(contents.prefix(startLength)), as: .model).map { .data("\(path) \($0)") }
    }

    // MARK: Kinds

    private static func recognize(_ start: [UInt8]) -> ForeignFile? {
        pointer(start) ?? page(start) ?? python(start) ?? packed(start) ?? encoded(start) ?? tokenizer(start)
            ?? signatures.first { start.starts(with: $0.mark) }?.file ?? oldModel(start)
            ?? safetensors(start)
    }

    /// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    private static func pointer(_ start: [UInt8]) -> ForeignFile? {
        guard start.starts(with: "version https://git-lfs".utf8) || start.starts(with: "version https://hawser".utf8)
        else { return nil }
        let size = start.split(separator: 0x0A).first { $0.starts(with: "size ".utf8) }?.dropFirst(5)
        let digits = size.map { String(decoding: $0.prefix { (0x30...0x39).contains($0) }, as: UTF8.self) } ?? ""
        return ForeignFile(
            "a git-lfs pointer\(digits.isEmpty ? "" : " to \(digits) bytes"), not the file itself",
            "fetch that with `git lfs pull` in its repository, or download it again")
    }

    private static func page(_ start: [UInt8]) -> ForeignFile? {
        let visible = start.dropFirst(start.byteOrderMarkCount).drop { $0 <= 0x20 }.prefix(14)
        let lower = String(decoding: visible, as: UTF8.self).lowercased()
        if ["<!doctype html", "<html", "<head", "<body"].contains(where: lower.hasPrefix) {
            let advice =
                "download the file itself, with the address of its raw content and, where it asks for one, a login"
            return ForeignFile(
                "a web page (HTML), such as a server sends in place of a file", model: advice, document: advice,
                isText: true)
        }
        guard lower.hasPrefix("<?xml") else { return nil }
        let advice = "fetch it again"
        return ForeignFile(
            "an XML document, perhaps an error that a server sent", model: advice, document: advice, isText: true)
    }

    private static func python(_ start: [UInt8]) -> ForeignFile? {
        let model = "save the model again as safetensors, with `save_pretrained(FOLDER, safe_serialization=True)`"
        if start.starts(with: zip) {
            guard contains(start, "data.pkl") else { return nil }
            return ForeignFile("a PyTorch file (.bin, .pt, .pth)", model: model, document: "write its texts to a file")
        }
        // A pickle names its protocol first; PyTorch's old format goes on with a long integer.
        guard start.count > 2, start[0] == 0x80, (2...5).contains(start[1]), start[2] != 0 else { return nil }
        return ForeignFile(
            "a Python pickle, as PyTorch files (.bin, .pt, .pth) are", model: model,
            document: "write its texts to a file")
    }

    private static let zip: [UInt8] = [0x50, 0x4B, 3, 4]

    private static func packed(_ start: [UInt8]) -> ForeignFile? {
        if start.count > 262, start[257..<262].elementsEqual("ustar".utf8) {
            return ForeignFile("a tar archive", "unpack it first, with `tar xf`")
        }
        if start.starts(with: zip) {
            return ForeignFile(
                "a ZIP archive", model: "unpack it first, with `unzip`",
                document: "unpack it first, with `unzip`, or extract its text, if it is a .docx or .epub")
        }
        let single: [(mark: [UInt8], name: String, program: String)] = [
            ([0x1F, 0x8B, 8], "gzip", "gunzip"), ([0x28, 0xB5, 0x2F, 0xFD], "zstd", "unzstd"),
            ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz", "unxz"),
        ]
        var packer = single.first { start.starts(with: $0.mark) }.map { (name: $0.name, program: $0.program) }
        // The size of its blocks stands between.
        if start.count > 9, start.starts(with: "BZh".utf8), start[4..<10].elementsEqual("1AY&SY".utf8) {
            packer = ("bzip2", "bunzip2")
        }
        return packer.map {
            ForeignFile(
                "compressed with \($0.name)", model: "unpack it first, with `\($0.program)`",
                document: "unpack it first, with `\($0.program)`; what gzip or zstd compressed once is read as it is")
        }
    }

    /// UTF-16 and UTF-32, by their marks or by the zeros of their characters.
    private static func encoded(_ start: [UInt8]) -> ForeignFile? {
        func text(_ name: String) -> ForeignFile {
            ForeignFile("text in \(name)", "convert it to UTF-8, with `iconv -f \(name) -t UTF-8 FILE > NEW`")
        }
        if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) { return text("UTF-32") }
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) { return text("UTF-16") }
        guard start.count >= 4 else { return nil }
        func isText(_ byte: UInt8) -> Bool { (0x20..<0x7F).contains(byte) || [9, 10, 13].contains(byte) }
        let sample = start.prefix(64)
        let pairs = stride(from: 0, to: sample.count - 1, by: 2).map { (sample[$0], sample[$0 + 1]) }
        if pairs.allSatisfy({ isText($0.0) && $0.1 == 0 }) { return text("UTF-16LE") }
        if pairs.allSatisfy({ $0.0 == 0 && isText($0.1) }) { return text("UTF-16BE") }
        return nil
    }

    /// A SentencePiece model is a protocol buffer: a field 1 (a piece), in it a field 1 (its text) and a field 2 (its score,
    /// a float).
    private static func tokenizer(_ start: [UInt8]) -> ForeignFile? {
        guard start.count > 5, start[0] == 0x0A, start[2] == 0x0A, start[1] < 0x80 else { return nil }
        let score = 4 + Int(start[3])
        guard start[1] >= start[3], score < start.count, start[score] == 0x15 else { return nil }
        return ForeignFile(
            "a SentencePiece tokenizer (tokenizer.model) and no model", model: "give it with --tokenizer",
            document: "give the documents themselves")
    }

    private struct Signature: Sendable {
        let mark: [UInt8]
        let file: ForeignFile

        /// - Parameter document: advice where a document was wanted; nil for the same as where a model was.
        init(_ mark: some Sequence<UInt8>, _ what: String, model: String?, document: String? = nil) {
            self.mark = Array(mark)
            file = ForeignFile(what, model: model, document: document ?? model)
        }
    }

    /// Kinds that a few first bytes tell.
    private static let signatures: [Signature] = {
        let notRead = "it is not read here"
        let texts = "write its texts as JSON lines first"
        return [
            Signature("GGUF\u{2}\0".utf8, "a GGUF model", model: nil, document: "give it with --model"),
            Signature("GGUF\u{3}\0".utf8, "a GGUF model", model: nil, document: "give it with --model"),
            Signature(
                "%PDF-".utf8, "a PDF document", model: notRead,
                document: "extract its text first, with `pdftotext` for example"),
            Signature(
                [0x89, 0x48, 0x44, 0x46], "an HDF5 file (Keras, TensorFlow)", model: "save the model as safetensors",
                document: texts),
            Signature([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", model: "unpack it first, with `7z x`"),
            Signature([0x89, 0x50, 0x4E, 0x47], "a PNG image", model: notRead),
            Signature([0xFF, 0xD8, 0xFF], "a JPEG image", model: notRead),
            Signature([0x7F, 0x45, 0x4C, 0x46], "a program (ELF)", model: notRead),
            Signature("PAR1\u{15}".utf8, "a Parquet table", model: notRead, document: texts),
            Signature("ARROW1\0".utf8, "an Arrow table", model: notRead, document: texts),
            Signature([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a NumPy array", model: notRead, document: texts),
            Signature("SQLite format 3\0".utf8, "an SQLite database", model: notRead, document: texts),
        ]
    }()

    private static func oldModel(_ start: [UInt8]) -> ForeignFile? {
        // After the mark comes a small number: of the format, or of the words.
        guard start.count > 7, start[7] == 0,
            ["lmgg", "tjgg", "fmgg", "algg"].contains(where: { start.starts(with: $0.utf8) })
        else { return nil }
        return ForeignFile(
            "a model in a format that came before GGUF (GGML)",
            model: "convert the original model again, or download a GGUF",
            document: "give documents")
    }

    /// The size of the header, then the header, a JSON object.
    private static func safetensors(_ start: [UInt8]) -> ForeignFile? {
        guard start.count > 9, start[5..<8].allSatisfy({ $0 == 0 }), start[8] == UInt8(ascii: "{") else { return nil }
        return ForeignFile(
            "a safetensors file", model: nil, document: "its tensors are no text; give the documents themselves")
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
