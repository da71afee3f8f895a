import LensData
import LensSupport

/// What decides the numbers of a run of scoring: runs of equal settings give the same records for the same documents.
package struct ScoreSettings: Sendable, Equatable {
    /// Names as a user knows them, with the values that are used.
    package var values: [(name: String, value: String)]

    package init(_ values: [(name: String, value: String)]) { self.values = values }

    package static func == (a: ScoreSettings, b: ScoreSettings) -> Bool { a.firstDifference(from: b) == nil }

    /// The name of the first setting that differs, with both values; nil for a setting that one lacks.
    func firstDifference(from other: ScoreSettings) -> (name: String, own: String?, other: String?)? {
        for (name, value) in values {
            let theirs = other.values.first { $0.name == name }?.value
            if theirs != value { return (name, value, theirs) }
        }
        return other.values.first { pair in !values.contains { $0.name == pair.name } }.map { ($0.name, nil, $0.value) }
    }
}

/// What a run of scoring that has not come to its end has computed, beside its output as `OUTPUT.partial`.
///
/// Each line is the checksum of its rest in 16 hexadecimal digits, a space, and a JSON object: the run's settings first,
/// then the records as they are in a score file of JSON lines, each after the losses that were kept on the way to it. A
/// line that was being written when the run was killed is told by its checksum and dropped.
final class ScoreJournal {
    private static let version = "longlens score journal 2"

    let path: String
    /// Records in the file.
    private(set) var count = 0
    /// The losses at the end of the file whose record is not there.
    private(set) var unfinished: UnfinishedScores?
    private let file: JournalFile
    private var lastSync = ContinuousClock.now
    /// Between flushes to the disk. What was written before outlives the process in any case, but not the machine.
    private static let syncInterval = Duration.seconds(10)

    /// Where the journal of an output is.
    static func path(of output: String) -> String { output + ".partial" }

    /// Opens the journal at `path` or makes it. `.usage` when another run has it open; `.io` when a file stands there that
    /// is no journal.
    private init(path: String) throws(LensError) {
        self.path = path
        file = try JournalFile(path: path)
    }

    /// A new journal. One that is there is emptied, and `warn` told.
    static func start(_ path: String, _ settings: ScoreSettings, warn: (String) -> Void) throws(LensError)
        -> ScoreJournal
    {
        let journal = try ScoreJournal(path: path)
        if journal.file.byteCount > 0 {
            _ = try journal.read()
            try journal.file.truncate(to: 0)
            warn(
                "\(path), which a run that did not come to its end left with \(journal.kept), was removed. "
                    + "--resume would have gone on from there.")
            journal.count = 0
            journal.unfinished = nil
        }
        try journal.file.append(line(headerJSON(settings)))
        return journal
    }

    /// The journal of a run to go on with. `.usage` when its settings were others, naming the first that differs.
    static func resume(
        _ path: String, _ settings: ScoreSettings, warn: (String) -> Void
    ) throws(LensError) -> ScoreJournal {
        let journal = try ScoreJournal(path: path)
        guard journal.file.byteCount > 0, let found = try journal.read(warn) else {
            // Killed before the first line was whole, or damaged in it.
            try journal.file.truncate(to: 0)
            try journal.file.append(line(headerJSON(settings)))
            return journal
        }
        if let (name, now, before) = settings.firstDifference(from: found) {
            throw .usage(
                "\(path) was written with \(name) \(before ?? "not set"), and now it is \(now ?? "not set"): the result "
                    + "would be of two kinds. Resume with the settings it began with, or start anew without --resume.")
        }
        return journal
    }

    /// What the file holds.
    var kept: KeptScores {
        KeptScores(
            sequenceCount: count,
            unfinished: unfinished.map {
                KeptScores.Unfinished(
                    document: $0.work.document, sequence: $0.work.sequence, tokenCount: $0.nll.count + 1,
                    length: $0.work.length)
            })
    }

    /// Reads all lines: counts the records and drops what is damaged at the end. Nil when not even the header is whole.
    private func read(_ warn: (String) -> Void = { _ in }) throws(LensError) -> ScoreSettings? {
        let lines = file.lines()
        var settings: ScoreSettings?
        var wholeByteCount = 0
        (count, unfinished) = (0, nil)
        while let bytes = try lines.next() {
            guard lines.end - lines.offset == bytes.count + 1, let json = Self.json(bytes) else { break }
            if settings == nil {
                settings = try header(json)
            } else if UnfinishedScores.begins(json) {
                guard take(try? UnfinishedScores(json: Array(json), place: path)) else { break }
            } else {
                count += 1
                unfinished = nil
            }
            wholeByteCount = lines.end
        }
        if settings == nil, try !looksUnfinished() {
            throw .io("\(path) is in the way: it is no journal of longlens score. Move it away.")
        }
        if settings == nil && lines.end < file.byteCount {
            warn("\(path) is damaged in its first line, which says what it is of; all of it is computed again.")
        }
        if settings != nil && wholeByteCount < file.byteCount {
            var dropped = 0
            while try lines.next() != nil { dropped += 1 }
            // One torn line is what a killed run leaves.
            if dropped > 0 {
                warn("\(path) is damaged after \(kept); the rest of it is computed again.")
            }
            try file.truncate(to: wholeByteCount)
        }
        return settings
    }

    /// Takes further losses of a sequence; false when they do not go on with what is there.
    private func take(_ next: UnfinishedScores?) -> Bool {
        guard let next else { return false }
        if next.from > 0 { return unfinished?.append(next) ?? false }
        unfinished = next
        return true
    }

    /// Whether the file can be the beginning of a journal's first line. `.usage` when it is one of another version.
    private func looksUnfinished() throws(LensError) -> Bool {
        guard let first = try? file.lines().next(), first.count < 4096 else { return false }
        guard first.prefix(16).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return false }
        let begin = Array("{\"journal\":\"\(Self.version)\"".utf8)
        if zip(first.dropFirst(17), begin).allSatisfy({ $0 == $1 }) { return true }
        // Other versions have other checksums.
        if first.dropFirst(17).starts(with: begin.dropLast(2)) { throw otherVersion }
        return false
    }

    private var otherVersion: LensError {
        .usage("\(path) was written by another version of longlens. Finish it with that, or remove it.")
    }

    // MARK: Records

    /// Adds a record; from here on it outlives the process.
    func append(_ record: ScoreRecord) throws(LensError) {
        var json = record.jsonLine()
        json.removeLast()
        try append(json)
        count += 1
        unfinished = nil
    }

    /// Adds losses on the way to a record, those that follow what is there of its sequence.
    func append(_ losses: UnfinishedScores) throws(LensError) {
        try append(losses.json)
        let goesOn = take(losses)
        precondition(goesOn, "the losses of a sequence are kept in their order")
    }

    private func append(_ json: [UInt8]) throws(LensError) {
        try file.append(Self.line(json))
        if ContinuousClock.now - lastSync > Self.syncInterval { try sync() }
    }

    func sync() throws(LensError) {
        try file.sync()
        lastSync = .now
    }

    /// The records from the first on, as lines of a score file without their line feeds.
    func records() throws(LensError) -> Records {
        let lines = file.lines()
        _ = try lines.next()
        return Records(lines: lines)
    }

    struct Records {
        fileprivate let lines: LineReader

        mutating func nextLine() throws(LensError) -> [UInt8]? {
            while let bytes = try lines.next() {
                guard let json = ScoreJournal.json(bytes) else {
                    throw .data(
                        "\(lines.path), line \(lines.line), was changed by another program while it was in use.")
                }
                if !UnfinishedScores.begins(json) { return Array(json) }
            }
            return nil
        }

        mutating func next() throws(LensError) -> ScoreRecord? {
            guard let line = try nextLine() else { return nil }
            return try ScoreRecord(jsonLine: line, place: "\(lines.path), line \(lines.line)")
        }
    }

    func remove() throws(LensError) { try file.remove() }

    // MARK: Lines

    private static func line(_ json: [UInt8]) -> [UInt8] {
        Array(Checksum.bytes(json[...]).utf8) + [0x20] + json + [0x0A]
    }

    /// What follows the checksum, if that is right.
    private static func json(_ line: [UInt8]) -> ArraySlice<UInt8>? {
        guard line.count > 17, line[16] == 0x20, line[..<16].elementsEqual(Checksum.bytes(line[17...]).utf8) else {
            return nil
        }
        return line[17...]
    }

    private static func headerJSON(_ settings: ScoreSettings) -> [UInt8] {
        var line = Array("{\"journal\":".utf8)
        line.appendJSON(version)
        for (name, value) in settings.values {
            line.append(UInt8(ascii: ","))
            line.appendJSON(name)
            line.append(UInt8(ascii: ":"))
            line.appendJSON(value)
        }
        line.append(UInt8(ascii: "}"))
        return line
    }

    private func header(_ json: ArraySlice<UInt8>) throws(LensError) -> ScoreSettings {
        var scanner = JSONScanner(Array(json), place: path)
        var first = true
        var values: [(name: String, value: String)] = []
        try scanner.beginObject()
        while let key = try scanner.nextKey(&first) {
            values.append((String(decoding: key, as: UTF8.self), String(decoding: try scanner.string(), as: UTF8.self)))
        }
        guard values.first?.name == "journal", values.removeFirst().value == Self.version else {
            throw otherVersion
        }
        return ScoreSettings(values)
    }
}

/// What the journal of a run of scoring holds.
package struct KeptScores: Sendable, Equatable, CustomStringConvertible {
    /// A sequence of which not all windows are done.
    package struct Unfinished: Sendable, Equatable {
        package var document: String
        package var sequence: Int
        /// So many of its first tokens are done, out of so many.
        package var tokenCount, length: Int

        package init(document: String, sequence: Int, tokenCount: Int, length: Int) {
            self.document = document
            self.sequence = sequence
            self.tokenCount = tokenCount
            self.length = length
        }
    }

    /// Finished sequences.
    package var sequenceCount: Int
    package var unfinished: Unfinished?

    package init(sequenceCount: Int, unfinished: Unfinished? = nil) {
        self.sequenceCount = sequenceCount
        self.unfinished = unfinished
    }

    package var isEmpty: Bool { sequenceCount == 0 && unfinished == nil }

    /// `2 finished sequences and the first 4096 of 9000 tokens of sequence 0 of document "book"`.
    package var description: String {
        var parts: [String] = []
        if sequenceCount > 0 || unfinished == nil { parts.append(describeCount(sequenceCount, "finished sequence")) }
        if let unfinished {
            parts.append(
                "the first \(unfinished.tokenCount) of \(unfinished.length) tokens of sequence \(unfinished.sequence) of "
                    + "document \"\(unfinished.document)\"")
        }
        return parts.joined(separator: " and ")
    }
}
