import LensFormats
import LensKernels
import LensSupport

/// Reads a score file in safetensors format: for each NAME, `NAME.tokens` (I32) and `NAME.nll` (F32).
///
/// The metadata has `NAME.document`, `NAME.sequence`, and the settings `context`, `stride` and `model`, or
/// `NAME.context` and so on where a sequence has its own. Without them NAME is the document's id. Sequences come in the
/// order of their tokens in the file.
package final class ScoreSafetensorsReader: ScoreReader {
    private let scores: SafetensorsScores
    private var position = 0

    package init(path: String) throws(LensError) { scores = try SafetensorsScores(path: path) }

    package var path: String { scores.path }

    package func next() throws(LensError) -> ScoreRecord? {
        guard position < scores.count else { return nil }
        position += 1
        return try scores.record(position - 1)
    }
}

/// Random access to the records of a safetensors score file; an entry is a sequence's number.
///
/// Read, not mapped: a file that is cut short by another program is then an error and not the end of this one.
struct SafetensorsScores: ScoreStorage {
    let input: InputFile
    private let tensors: [String: SafetensorsTensor]
    private let metadata: [String: String]
    private let names: [String]

    init(path: String) throws(LensError) {
        input = try InputFile(regular: path)
        let file = try SafetensorsFile(path: path)
        (tensors, metadata) = (file.tensors, file.metadata)
        names = file.names.filter { $0.hasSuffix(".tokens") }.map { String($0.dropLast(".tokens".count)) }
        guard !names.isEmpty else {
            throw .data(
                "\(path) has no tensor called NAME.tokens; a score file has NAME.tokens (I32) and NAME.nll (F32) for "
                    + "each sequence.")
        }
    }

    var path: String { input.path }
    var count: Int { names.count }

    func forEach(_ body: (Int, ScoreRecord) throws(LensError) -> Void) throws(LensError) {
        for entry in names.indices { try body(entry, try record(entry)) }
    }

    func record(_ entry: Int) throws(LensError) -> ScoreRecord {
        let name = names[entry]
        let record = ScoreRecord(
            document: metadata["\(name).document"] ?? name, sequence: try number("\(name).sequence") ?? 0,
            tokens: try tokens("\(name).tokens"), nll: try losses("\(name).nll"),
            context: try setting("context", of: name), stride: try setting("stride", of: name),
            model: metadata["\(name).model"] ?? metadata["model"])
        try record.check("\(path), tensors \(name).tokens and \(name).nll")
        return record
    }

    private func tokens(_ name: String) throws(LensError) -> [Int32] {
        let tensor = try tensor(name)
        guard tensor.dataType == .int32 else {
            throw .data("\(path): the tensor `\(name)` has the type \(tensor.dataType.rawValue); I32 is needed.")
        }
        let bytes = try bytes(of: tensor)
        var tokens = [Int32](repeating: 0, count: tensor.count)
        unsafe tokens.withUnsafeMutableBytes { unsafe $0.copyBytes(from: bytes) }
        return tokens
    }

    private func losses(_ name: String) throws(LensError) -> [Float] {
        let tensor = try tensor(name)
        guard let type = tensor.dataType.tensorType else {
            throw .data(
                "\(path): the tensor `\(name)` has the type \(tensor.dataType.rawValue); F32, F16 or BF16 is needed.")
        }
        let bytes = try bytes(of: tensor)
        return unsafe [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            unsafe bytes.withUnsafeBytes { bytes in
                unsafe type.dequantize(bytes, into: UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.count]))
            }
            count = tensor.count
        }
    }

    private func tensor(_ name: String) throws(LensError) -> SafetensorsTensor {
        guard let tensor = tensors[name] else { throw .data("\(path) has no tensor `\(name)`.") }
        return tensor
    }

    private func bytes(of tensor: SafetensorsTensor) throws(LensError) -> [UInt8] {
        try input.bytes(tensor.byteRange.count, at: tensor.byteRange.lowerBound)
    }

    private func setting(_ key: String, of name: String) throws(LensError) -> Int? {
        if let own = try number("\(name).\(key)") { return own }
        return try number(key)
    }

    private func number(_ key: String) throws(LensError) -> Int? {
        guard let text = metadata[key] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw .data("\(path): the metadata `\(key)` is \"\(text.prefix(40))\", and must be a whole number from 0.")
        }
        return number
    }
}
