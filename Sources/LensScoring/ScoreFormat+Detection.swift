import LensSupport

extension ScoreFormat {
    /// True when `path` holds scores and no model, told by how it begins whatever its name is: JSON lines, or
    /// safetensors, which models have in folders only.
    package static func isScoreFile(_ path: String) throws(LensError) -> Bool {
        if path.hasSuffix(".jsonl") || path.hasSuffix(".safetensors") { return true }
        if try of(path) == .safetensors { return true }
        var start = try InputFile(regular: path).chunk(1 << 12)[...]
        guard !start.contains(0) else { return false }
        start = start.dropFirst(start.byteOrderMarkCount)
        return start.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "{")
    }
}
