import LensFormats
import LensSupport

/// Reads a score file in safetensors format: for each NAME, `NAME.tokens` (I32) and `NAME.nll` (F32).
///
/// The metadata has `NAME.document`, `NAME.sequence`, and the settings `context`, `stride` and `model`, or
/// `NAME.context` and so on where a sequence has its own. Without them NAME is the document's id. Sequences come in the
/// order of their tokens in the file.
public final class ScoreSafetensorsReader: ScoreReader {
    private let scores: SafetensorsScores
    private var position = 0

    public init(path: String) throws(LensError) { scores = try SafetensorsScores(path: path) }

    public var path: String { scores.path }

    public func next() throws(LensError) -> ScoreRecord? {
        guard position < scores.count else { return nil }
        position += 1
        return try scores.record(position - 1)
    }
}

/// Random access to the records of a safetensors score file; an entry is a sequence's number.
struct SafetensorsScores: ScoreStorage {
    private let file: SafetensorsFile
    private let names: [String]

    init(path: String) throws(LensError) {
        file = try SafetensorsFile(path: path)
        names = file.names.filter { $0.hasSuffix(".tokens") }.map { String($0.dropLast(".tokens".count)) }
        guard !names.isEmpty else {
            throw .data(
                "\(path) has no tensor called NAME.tokens; a score file has NAME.tokens (I32) and NAME.nll (F32) for "
                    + "each sequence.")
        }
    }

    var path: String { file.path }
    var count: Int { names.count }

    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError) {
        for entry in names.indices { try body(entry, try record(entry)) }
    }

    func record(_ entry: Int) throws(LensError) -> ScoreRecord {
        let name = names[entry]
        let record = ScoreRecord(
            document: file.metadata["\(name).document"] ?? name, sequence: try number("\(name).sequence") ?? 0,
            tokens: try file.int32s("\(name).tokens"), nll: try file.floats("\(name).nll"),
            context: try setting("context", of: name), stride: try setting("stride", of: name),
            model: file.metadata["\(name).model"] ?? file.metadata["model"])
        try record.check("\(path), tensors \(name).tokens and \(name).nll")
        return record
    }

    private func setting(_ key: String, of name: String) throws(LensError) -> Int? {
        if let own = try number("\(name).\(key)") { return own }
        return try number(key)
    }

    private func number(_ key: String) throws(LensError) -> Int? {
        guard let text = file.metadata[key] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .data("\(path): the metadata `\(key)` is \"\(text.prefix(40))\", and must be a whole number from 0.")
        }
        return number
    }
}
