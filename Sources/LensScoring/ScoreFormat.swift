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
