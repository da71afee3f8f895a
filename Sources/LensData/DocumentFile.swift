import LensSupport

/// A file that holds documents, and what kind it is.
struct DocumentFile {
    enum Kind { case text, lines, standardInput }

    var kind: Kind
    var path: String
    /// Its file name, or its path within the folder that was given.
    var name: String

    static let expected =
        "A document is a .txt file, a .jsonl file, a folder of these, or - for standard input (text)."

    /// The files that one argument means, in the order of their names.
    static func find(_ path: String) throws(LensError) -> [DocumentFile] {
        if path == "-" { return [DocumentFile(kind: .standardInput, path: path, name: "stdin")] }
        let status = try Self.status(path)
        if status.kind == .folder {
            var files: [DocumentFile] = []
            var visited: Set<FileStatus.Identity> = []
            try search(path, prefix: "", &visited, into: &files)
            guard !files.isEmpty else { throw .missing("The folder \(path) holds no .txt and no .jsonl file.") }
            return files
        }
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let kind = kind(of: name) else { throw .usage("\(path) is neither .txt nor .jsonl. \(expected)") }
        return [DocumentFile(kind: kind, path: path, name: name)]
    }

    private static func kind(of name: String) -> Kind? {
        let name = name.lowercased()
        return name.hasSuffix(".txt") ? .text : name.hasSuffix(".jsonl") ? .lines : nil
    }

    /// Adds the files below `folder`. A folder that links lead to twice is searched once.
    private static func search(
        _ folder: String, prefix: String, _ visited: inout Set<FileStatus.Identity>, into files: inout [DocumentFile]
    ) throws(LensError) {
        guard visited.insert(try status(folder).identity).inserted else { return }
        for name in try Folders.names(in: folder) where !name.hasPrefix(".") {
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            if try status(path).kind == .folder {
                try search(path, prefix: "\(prefix)\(name)/", &visited, into: &files)
            } else if let kind = kind(of: name) {
                files.append(DocumentFile(kind: kind, path: path, name: prefix + name))
            }
        }
    }

    private static func status(_ path: String) throws(LensError) -> FileStatus {
        guard let status = FileStatus(path) else { throw .reading(path) }
        return status
    }
}
