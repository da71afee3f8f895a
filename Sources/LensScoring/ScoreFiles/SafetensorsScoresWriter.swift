import LensFormats
import LensSupport

/// The header of a score file in safetensors format, gathered record by record, see ``ScoreSafetensorsReader``. The
/// format puts the sizes of all tensors first; memory holds names and sizes, and the numbers wait in the run's journal.
struct SafetensorsScoresLayout {
    private let path: String
    private var counts: [Int] = []
    private var metadata = ["format": "longlens scores"]
    private var headerSize = 0

    /// The format's limit on its header, with room to spare.
    private static let headerLimit = 90_000_000

    /// - Parameter compute: the arithmetic that the losses were computed in, for the metadata.
    init(path: String, compute: String?) {
        self.path = path
        metadata["compute"] = compute
    }

    /// Takes the next record's place. `.usage` when the format cannot hold it.
    mutating func add(_ record: ScoreRecord) throws(LensError) {
        let name = Self.name(counts.count)
        if counts.isEmpty {
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
                "\(path): a safetensors file cannot hold more than these \(counts.count) sequences. Write JSON lines "
                    + "instead (--format jsonl), or fewer documents to a file.")
        }
        counts.append(record.tokens.count)
    }

    /// Writes the file from the records that were added, in their order.
    func write(_ records: ScoreJournal.Records) throws(LensError) {
        var records = records
        var tensors: [SafetensorsDescription] = []
        for (number, count) in counts.enumerated() {
            let name = Self.name(number)
            tensors.append(SafetensorsDescription(name: "\(name).tokens", dataType: .int32, shape: [count]))
            tensors.append(SafetensorsDescription(name: "\(name).nll", dataType: .float32, shape: [count - 1]))
        }
        let writer = try SafetensorsWriter(path: path, tensors: tensors, metadata: metadata)
        var number = 0
        while let record = try records.next() {
            // Tensors of one width come in the order of their names.
            try writer.write("\(Self.name(number)).nll", record.nll)
            try writer.write("\(Self.name(number)).tokens", record.tokens)
            number += 1
        }
        try writer.commit()
    }

    /// Names sort as their numbers do.
    private static func name(_ number: Int) -> String { digits(number, atLeast: 8) }
}
