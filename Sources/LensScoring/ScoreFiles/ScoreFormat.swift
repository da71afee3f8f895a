import LensData
import LensSupport

/// The formats of score files.
public enum ScoreFormat: String, Sendable, CaseIterable {
    case jsonl
    case safetensors

    /// Tells the format of a file by how it begins: a safetensors file has the size of its header in 8 bytes and then the
    /// header, a JSON object; text has no zero bytes.
    public static func of(_ path: String) throws(LensError) -> ScoreFormat {
        let start = try InputFile(path: path).chunk(9)
        return start.count == 9 && start[8] == UInt8(ascii: "{") && start[5...7].allSatisfy { $0 == 0 }
            ? .safetensors : .jsonl
    }

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

    /// Opens a score file for reading from front to back.
    public static func reader(_ path: String) throws(LensError) -> any ScoreReader {
        switch try of(path) {
        case .jsonl: try ScoreLinesReader(path: path)
        case .safetensors: try ScoreSafetensorsReader(path: path)
        }
    }

    static func storage(_ path: String) throws(LensError) -> any ScoreStorage {
        switch try of(path) {
        case .jsonl: try ScoreLinesStorage(path: path)
        case .safetensors: try SafetensorsScores(path: path)
        }
    }
}
