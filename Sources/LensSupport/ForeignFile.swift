/// Tells files that are often given by mistake from their first bytes, so that an error can say what a file is.
public enum ForeignFile {
    /// Bytes from a file's start that `describe` looks at.
    static let startLength = 1024

    /// What the file is and what to do, to follow its path: "is a git-lfs pointer …"; nil where nothing is recognized.
    ///
    /// - Parameters:
    ///   - start: the file's first bytes, 1024 where it has them.
    ///   - byteCount: its size.
    public static func describe(_ start: [UInt8], byteCount: Int) -> String? {
        if byteCount == 0 { return "is empty; fetch or make it again." }
        return pointer(start) ?? page(start) ?? python(start) ?? packed(start) ?? text(start) ?? model(start)
            ?? document(start)
    }

    /// The error that says what `file` is; nil where it is not recognized.
    public static func error(_ file: MappedFile) -> LensError? {
        let start = unsafe Array(file.buffer.prefix(startLength))
        return describe(start, byteCount: file.count).map { .data("\(file.path) \($0)") }
    }

    /// The error that says what the file of these contents is; nil where it is not recognized.
    public static func error(_ contents: [UInt8], path: String) -> LensError? {
        describe(Array(contents.prefix(startLength)), byteCount: contents.count).map { .data("\(path) \($0)") }
    }

    // MARK: Kinds

    /// https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    private static func pointer(_ start: [UInt8]) -> String? {
        guard start.starts(with: "version https://git-lfs".utf8) || start.starts(with: "version https://hawser".utf8)
        else { return nil }
        let size = start.split(separator: 0x0A).first { $0.starts(with: "size ".utf8) }?.dropFirst(5)
        let digits = size.map { String(decoding: $0.prefix { (0x30...0x39).contains($0) }, as: UTF8.self) } ?? ""
        return "is a git-lfs pointer\(digits.isEmpty ? "" : " to \(digits) bytes"), not the file itself: "
            + "fetch that with `git lfs pull` in its repository, or download it again."
    }

    private static func page(_ start: [UInt8]) -> String? {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let visible = start.dropFirst(start.starts(with: mark) ? 3 : 0).drop { $0 <= 0x20 }.prefix(14)
        let lower = String(decoding: visible, as: UTF8.self).lowercased()
        if ["<!doctype html", "<html", "<head", "<body"].contains(where: lower.hasPrefix) {
            return "is a web page (HTML), such as a server sends in place of a file: download the file itself, with "
                + "the address of its raw content and, where it asks for one, a login."
        }
        return lower.hasPrefix("<?xml")
            ? "is an XML document, perhaps an error that a server sent: fetch it again." : nil
    }

    private static func python(_ start: [UInt8]) -> String? {
        let advice = "save the model again as safetensors, with `save_pretrained(FOLDER, safe_serialization=True)`."
        if start.starts(with: "PK\u{3}\u{4}".utf8) {
            return contains(start, "data.pkl") ? "is a PyTorch file (.bin, .pt, .pth): \(advice)" : nil
        }
        // A pickle names its protocol first; PyTorch's old format goes on with a long integer.
        guard start.count > 2, start[0] == 0x80, (2...5).contains(start[1]), start[2] != 0 else { return nil }
        return "is a Python pickle, as PyTorch files (.bin, .pt, .pth) are: \(advice)"
    }

    private static let packers: [(start: [UInt8], name: String, program: String)] = [
        ([0x50, 0x4B, 3, 4], "a zip archive", "unzip"), ([0x1F, 0x8B, 8], "compressed with gzip", "gunzip"),
        ([0x28, 0xB5, 0x2F, 0xFD], "compressed with zstd", "unzstd"),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "compressed with xz", "unxz"),
        ([0x42, 0x5A, 0x68], "compressed with bzip2", "bunzip2"),
        ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "a 7z archive", "7z x"),
    ]

    private static func packed(_ start: [UInt8]) -> String? {
        if start.count > 262, start[257..<262].elementsEqual("ustar".utf8) {
            return "is a tar archive: unpack it first, with `tar xf`."
        }
        guard let packer = packers.first(where: { start.starts(with: $0.start) }) else { return nil }
        return "is \(packer.name): unpack it first, with `\(packer.program)`."
    }

    /// UTF-16 and UTF-32, by their marks or by the zeros of their first two characters.
    private static func text(_ start: [UInt8]) -> String? {
        let advice = { (name: String) in
            "is text in \(name): convert it to UTF-8, with `iconv -f \(name) -t UTF-8 FILE > NEW`."
        }
        if start.starts(with: [0xFF, 0xFE, 0, 0]) || start.starts(with: [0, 0, 0xFE, 0xFF]) {
            return advice("UTF-32")
        }
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) { return advice("UTF-16") }
        guard start.count >= 4 else { return nil }
        func isText(_ byte: UInt8) -> Bool { (0x20..<0x7F).contains(byte) || [9, 10, 13].contains(byte) }
        let sample = start.prefix(64)
        let even = stride(from: 0, to: sample.count - 1, by: 2).map { (sample[$0], sample[$0 + 1]) }
        if even.allSatisfy({ isText($0.0) && $0.1 == 0 }) { return advice("UTF-16LE") }
        if even.allSatisfy({ $0.0 == 0 && isText($0.1) }) { return advice("UTF-16BE") }
        return nil
    }

    private static func model(_ start: [UInt8]) -> String? {
        if ["lmgg", "tjgg", "fmgg", "algg"].contains(where: { start.starts(with: $0.utf8) }) {
            return "is in a format that came before GGUF (GGML): convert the original model again, or download a GGUF."
        }
        if start.starts(with: [0x89, 0x48, 0x44, 0x46]) {
            return "is an HDF5 file (Keras, TensorFlow): save the model as safetensors."
        }
        // A SentencePiece model is a protocol buffer: a field 1 (a piece), in it a field 1 (its text) and a field 2
        // (its score, a float).
        guard start.count > 5, start[0] == 0x0A, start[2] == 0x0A, start[1] < 0x80 else { return nil }
        let score = 4 + Int(start[3])
        guard start[1] >= start[3], score < start.count, start[score] == 0x15 else { return nil }
        return "is a SentencePiece model (tokenizer.model), which is not read: use the model's tokenizer.json, or make "
            + "one with `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)` of transformers."
    }

    private static func document(_ start: [UInt8]) -> String? {
        let kinds: [(start: [UInt8], name: String)] = [
            (Array("%PDF-".utf8), "a PDF document"), ([0x89, 0x50, 0x4E, 0x47], "a PNG image"),
            ([0xFF, 0xD8, 0xFF], "a JPEG image"), ([0x7F, 0x45, 0x4C, 0x46], "a program (ELF)"),
            (Array("PAR1".utf8), "a Parquet table"), (Array("ARROW1".utf8), "an Arrow table"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], "a NumPy array"),
            (Array("SQLite format 3".utf8), "an SQLite database"),
        ]
        return kinds.first { start.starts(with: $0.start) }.map { "is \($0.name), which is not read here." }
    }

    private static func contains(_ bytes: [UInt8], _ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }
}
