import LensSupport

/// A file, pipe or stream that holds documents.
struct DocumentFile {
    enum Place: Equatable {
        case standardInput
        case path(String)
    }

    var place: Place
    /// Tells it from every other input of the run: its file name, or its path within the folder that was given, longer
    /// where that is needed.
    var id: String
    /// What was asked for or else what its name says.
    var format: InputFormat
    /// Whether the format was asked for.
    var isExplicit: Bool
    /// Bytes of a regular file.
    var byteCount: Int?
    /// A regular file's identity.
    var identity: FileStatus.Identity?

    static let expected =
        "A document is a .txt or .jsonl file (or .gz, .zst of these), a folder of these, a pipe, or - for standard "
        + "input; --input-format says how others are to be read."

    /// The files that the arguments mean: in their order, those of a folder in the order of their names. `warn` is told
    /// of what is passed over or comes twice.
    static func find(
        _ paths: [String], format: InputFormat, warn: (String) -> Void
    ) throws(LensError) -> [DocumentFile] {
        guard !paths.isEmpty else { throw .usage("No document is given. \(expected)") }
        guard paths.count(where: isStandardInput) < 2 else {
            throw .usage("Standard input can be read only once, and is given twice.")
        }
        var files: [DocumentFile] = []
        /// For each file the parts of its path and how many of them, from the end, make its id.
        var names: [DocumentName] = []
        for path in paths {
            if isStandardInput(path) {
                names.append(DocumentName(whole: "stdin"))
                files.append(DocumentFile(place: .standardInput, id: "", format: format, isExplicit: format != .auto))
                continue
            }
            guard let status = FileStatus(path) else { throw .reading(path) }
            if status.kind == .folder {
                var search = FolderSearch(format: format)
                try search.add(path, depth: 1)
                try search.report(path, warn)
                files += search.files
                names += search.names
            } else {
                files.append(DocumentFile(path, status, format))
                // What is below /dev says nothing without the folders: /dev/fd/63.
                let isDevice = path.hasPrefix("/dev/") || path.hasPrefix("/proc/")
                names.append(isDevice ? DocumentName(whole: path) : DocumentName(path: path, parts: 1))
            }
        }
        for (index, id) in DocumentName.unique(names).enumerated() { files[index].id = id }
        reportRepeated(files, warn)
        return files
    }

    fileprivate init(_ path: String, _ status: FileStatus, _ format: InputFormat) {
        self.init(
            place: .path(path), id: "", format: format == .auto ? .named(path) : format, isExplicit: format != .auto,
            byteCount: status.kind == .regular ? status.byteCount : nil,
            identity: status.kind == .regular ? status.identity : nil)
    }

    private init(
        place: Place, id: String, format: InputFormat, isExplicit: Bool, byteCount: Int? = nil,
        identity: FileStatus.Identity? = nil
    ) {
        self.place = place
        self.id = id
        self.format = format
        self.isExplicit = isExplicit
        self.byteCount = byteCount
        self.identity = identity
    }

    /// - Parameter whileWaiting: called while a pipe gives nothing; what it throws ends the reading.
    func input(standardInput: Int32, whileWaiting: InputFile.Waiting?) throws(LensError) -> InputFile {
        switch place {
        case .standardInput:
            InputFile(descriptor: standardInput, name: "standard input", whileWaiting: whileWaiting)
        case .path(let path): try InputFile(path: path, whileWaiting: whileWaiting)
        }
    }

    private static func isStandardInput(_ path: String) -> Bool {
        ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].contains(path)
    }

    private static func reportRepeated(_ files: [DocumentFile], _ warn: (String) -> Void) {
        var seen: Set<FileStatus.Identity> = []
        let repeated = files.filter { file in file.identity.map { !seen.insert($0).inserted } ?? false }.map(\.id)
        if !repeated.isEmpty {
            warn("Given more than once, and read each time: \(countedNames(repeated, "file")).")
        }
    }
}

/// The files of a folder and the folders below it.
private struct FolderSearch {
    let format: InputFormat
    var files: [DocumentFile] = []
    var names: [DocumentName] = []
    private var passedOver: [String] = []
    private var visited: Set<FileStatus.Identity> = []

    init(format: InputFormat) { self.format = format }

    /// A folder that links lead to twice is searched once. Names that begin with a dot are not looked at.
    ///
    /// - Parameter depth: how many parts of a file's path, from the end, lie within the folder that was given.
    mutating func add(_ folder: String, depth: Int) throws(LensError) {
        guard let status = FileStatus(folder) else { throw .reading(folder) }
        guard visited.insert(status.identity).inserted else { return }
        for name in try Folders.names(in: folder) where !name.hasPrefix(".") {
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            let isWanted = format != .auto || InputFormat.named(name) != .auto
            let documentName = DocumentName(path: path, parts: depth)
            switch (FileStatus(path), isWanted) {
            case (let status?, _) where status.kind == .folder: try add(path, depth: depth + 1)
            case (let status?, true) where status.kind == .regular:
                files.append(DocumentFile(path, status, format))
                names.append(documentName)
            // A link that leads nowhere.
            case (nil, true): throw .reading(path)
            default: passedOver.append(documentName.text)
            }
        }
    }

    func report(_ folder: String, _ warn: (String) -> Void) throws(LensError) {
        guard !files.isEmpty else {
            guard !passedOver.isEmpty else {
                throw .missing("The folder \(folder) holds no .txt and no .jsonl file: it is empty.")
            }
            throw .missing(
                "The folder \(folder) holds no .txt and no .jsonl file, but \(countedNames(passedOver, "other file")). "
                    + "Give files by their names, or --input-format text or jsonl to read all of a folder.")
        }
        guard !passedOver.isEmpty else { return }
        warn(
            "Passed over in the folder \(folder), as neither .txt nor .jsonl: \(countedNames(passedOver, "file")). Give "
                + "them by their names, or --input-format text or jsonl to read all of a folder.")
    }
}

/// `3 files (a, b, c)`, at most five by name.
func countedNames(_ names: [String], _ noun: String) -> String {
    let more = names.count > 5 ? ", …" : ""
    return "\(describeCount(names.count, noun)) (\(names.prefix(5).joined(separator: ", "))\(more))"
}
