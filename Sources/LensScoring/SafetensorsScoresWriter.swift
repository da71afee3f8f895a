import LensFormats
import LensSupport

/// Writes a score file in safetensors format, see ``ScoreSafetensorsReader``. The file appears with ``finish()``.
///
/// The format puts the sizes of all tensors first, so the numbers wait in a nameless file beside the result until the
/// last record has come; memory holds only names.
public final class ScoreSafetensorsWriter: ScoreWriter {
    private struct Entry { var count: Int, offset: Int }

    private let path: String
    private let spool: SpoolFile
    private var entries: [Entry] = []
    private var metadata: [String: String] = [:]
    private var headerSize = 0

    /// The format's limit on its header, with room to spare.
    private static let headerLimit = 90_000_000

    public init(path: String) throws(LensError) {
        self.path = path
        spool = try SpoolFile(beside: path)
    }

    public func write(_ record: ScoreRecord) throws(LensError) {
        let name = Self.name(entries.count)
        if entries.isEmpty {
            metadata["format"] = "longlens scores"
            metadata["context"] = record.context.map(String.init)
            metadata["stride"] = record.stride.map(String.init)
            metadata["model"] = record.model
        }
        var own = ["document": record.document, "sequence": String(record.sequence)]
        let settings = [
            ("context", record.context.map(String.init)), ("stride", record.stride.map(String.init)),
            ("model", record.model),
        ]
        for (key, value) in settings where value != metadata[key] { own[key] = value }
        for (key, value) in own {
            metadata["\(name).\(key)"] = value
            headerSize += name.count + key.count + value.utf8.count + 8
        }
        // Two entries like "00000000.tokens":{"dtype":"I32","shape":[32768],"data_offsets":[1000000000,1000131072]},
        headerSize += 200
        guard headerSize < Self.headerLimit else {
            throw .usage(
                "\(path): a safetensors file cannot hold more than these \(entries.count) sequences. Write JSON lines "
                    + "instead, or fewer documents to a file.")
        }
        entries.append(Entry(count: record.tokens.count, offset: spool.count))
        try spool.append(record.tokens)
        try spool.append(record.nll)
    }

    /// Writes the file. Without it, nothing stays.
    public func finish() throws(LensError) {
        var tensors: [SafetensorsDescription] = []
        var offsets: [String: Int] = [:]
        for (number, entry) in entries.enumerated() {
            let name = Self.name(number)
            tensors.append(SafetensorsDescription(name: "\(name).tokens", dataType: .int32, shape: [entry.count]))
            tensors.append(SafetensorsDescription(name: "\(name).nll", dataType: .float32, shape: [entry.count - 1]))
            offsets["\(name).tokens"] = entry.offset
            offsets["\(name).nll"] = entry.offset + 4 * entry.count
        }
        let writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: metadata)
        for tensor in writer.order {
            try writer.write(tensor.name, try spool.read(tensor.count, at: offsets[tensor.name, default: 0]))
        }
        try writer.commit()
    }

    /// Names sort as their numbers do.
    private static func name(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
