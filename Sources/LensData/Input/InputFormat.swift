/// How a document's file is read.
public enum InputFormat: String, Sendable, CaseIterable {
    /// As its name ends (`.txt`, `.jsonl`), and told from its content where the name says nothing.
    case auto
    /// The whole is one document of text.
    case text
    /// One document a line.
    case jsonl

    /// What a file's name says; the ending of a compression does not count. `.auto` when it says nothing.
    static func named(_ name: String) -> InputFormat {
        let name = Compression.named(name).rest.lowercased()
        if name.hasSuffix(".txt") { return .text }
        return name.hasSuffix(".jsonl") || name.hasSuffix(".ndjson") ? .jsonl : .auto
    }
}
