import LensData
import LensSupport

/// Where the records of a run of scoring go: standard output, a pipe or device as they come; a file as a whole when the
/// run ends. Until then a file's records stand in a journal beside it, from which a run that was ended early goes on.
package final class ScoreOutput {
    /// What a run found of an earlier one.
    package enum Resumption: Equatable, Sendable {
        /// It was not to be resumed.
        case none
        /// It was, and there is nothing.
        case nothingThere
        /// It goes on after what is in the journal.
        case kept(KeptScores)
        /// The output is there already: it is compared with the documents, and nothing is computed.
        case complete
    }

    package let resumption: Resumption
    /// The losses of the first windows of the sequence that is to be computed, where an earlier run kept them.
    package private(set) var knownLosses: [Float] = []
    private let path: String?
    private let format: ScoreFormat
    private let place: Place
    /// What earlier runs finished, as far as it was not asked for yet.
    private var earlier: Earlier?
    private var safetensors: SafetensorsScoresLayout?
    private var writtenCount = 0
    /// The sequences that are to be computed, or just are, and those losses of the first that are not in the journal yet.
    private var awaited: ArraySlice<UnfinishedScores.Work> = []
    private var pending: [Float] = []
    private let keepInterval: Duration
    private var lastKept = ContinuousClock.now

    private enum Place {
        case stream(LinesOutput)
        case journal(ScoreJournal, output: String)
        case finished(String)
    }

    private enum Earlier {
        case journal(ScoreJournal.Records)
        case file(any ScoreReader)

        mutating func next() throws(LensError) -> ScoreRecord? {
            switch self {
            case .file(let reader): return try reader.next()
            case .journal(var records):
                defer { self = .journal(records) }
                return try records.next()
            }
        }
    }

    /// Opens what will be written, so that a name that cannot be is told before any work.
    ///
    /// `.usage` for safetensors or `resume` where nothing can be resumed or laid out: on standard output, a pipe or a
    /// device; when another run writes there; when the journal to be resumed is of other settings.
    ///
    /// - Parameters:
    ///   - path: nil for standard output.
    ///   - settings: what decides the numbers; a safetensors file carries `compute` of them in its metadata.
    ///   - resume: go on from the journal that an earlier run left. Without it, one that is there is removed.
    ///   - keepInterval: how long losses of an unfinished sequence wait before they are put in the journal.
    ///   - warn: told when a journal is removed, or damaged.
    package init(
        path: String?, format: ScoreFormat, settings: ScoreSettings, resume: Bool = false,
        keepInterval: Duration = .seconds(1), warn: (String) -> Void
    ) throws(LensError) {
        self.path = path
        self.keepInterval = keepInterval
        self.format = format
        guard let path, FileStatus(path)?.kind != .stream else {
            let what = path ?? "standard output"
            // Opened in any case: who reads a pipe sees its end, and does not wait for ever.
            let lines = try LinesOutput(path: path)
            guard format == .jsonl else {
                throw .usage("Scores in safetensors go to a file, and not to \(what): give --output FILE.")
            }
            guard !resume else { throw .usage("Only a file can be resumed, and not \(what): give --output FILE.") }
            place = .stream(lines)
            resumption = .none
            return
        }
        if format == .safetensors {
            safetensors = SafetensorsScoresLayout(
                path: path, compute: settings.values.first { $0.name == "--compute" }?.value)
        }
        let journalPath = ScoreJournal.path(of: path)
        if resume && !Folders.entryExists(journalPath) && Folders.isFile(path) {
            earlier = .file(try ScoreFormat.reader(path))
            place = .finished(path)
            resumption = .complete
            return
        }
        // Tells at once where nothing can be written.
        try AtomicFile(path: path).abandon()
        if resume && Folders.entryExists(journalPath) {
            let journal = try ScoreJournal.resume(journalPath, settings, warn: warn)
            earlier = .journal(try journal.records())
            place = .journal(journal, output: path)
            resumption = journal.kept.isEmpty ? .nothingThere : .kept(journal.kept)
        } else {
            place = .journal(try ScoreJournal.start(journalPath, settings, warn: warn), output: path)
            resumption = resume ? .nothingThere : .none
        }
    }

    /// The record of a sequence that an earlier run finished; nil when it is to be computed, of which ``knownLosses`` may be
    /// a part. Sequences are asked for in the order of the documents, and any number of them before the first is written.
    ///
    /// `.usage` when the earlier run had another sequence there.
    package func record(
        of sequence: TokenSequence, context: Int, stride: Int, model: String
    ) throws(LensError) -> ScoreRecord? {
        guard let record = try earlier?.next() else {
            if case .finished(let path) = place {
                throw .usage(
                    "\(path) is finished and ends before sequence \(sequence.index) of document \"\(sequence.document)\": "
                        + "it was made of fewer documents. Give another --output, or score anew without --resume.")
            }
            try begin(sequence, context, stride, model)
            earlier = nil
            return nil
        }
        if let difference = Self.difference(record, sequence, context, stride, model) {
            throw .usage(
                "\(earlierPath) was made of other documents or settings: where it has \(record.name), \(difference). Give "
                    + "the same ones as before, or score anew without --resume.")
        }
        try safetensors?.add(record)
        return record
    }

    private func begin(
        _ sequence: TokenSequence, _ context: Int, _ stride: Int, _ model: String
    ) throws(LensError) {
        knownLosses = []
        guard case .journal(let journal, _) = place else { return }
        let work = UnfinishedScores.Work(sequence, context: context, stride: stride, model: model)
        awaited.append(work)
        // Only the first one can have been begun by an earlier run.
        guard earlier != nil, let unfinished = journal.unfinished else { return }
        let plan = try WindowPlan(length: work.length, context: context, stride: stride)
        var difference = unfinished.work.difference(from: work)
        if plan.windowCount(ofLosses: unfinished.nll.count) == nil {
            difference = difference ?? "the windows are others"
        }
        if let difference {
            throw .usage(
                "\(earlierPath) was made of other documents or settings: where it has the beginning of "
                    + "\(unfinished.work.name), \(difference). Give the same ones as before, or score anew without "
                    + "--resume.")
        }
        knownLosses = unfinished.nll
    }

    /// Keeps the losses of the next windows of the first sequence that ``record(of:context:stride:model:)`` said is to be
    /// computed and that is not written yet, so that a run which ends before it is goes on after them.
    package func keep(_ losses: [Float]) throws(LensError) {
        guard case .journal = place else { return }
        pending += losses
        if ContinuousClock.now - lastKept >= keepInterval { try keepPending() }
    }

    private func keepPending() throws(LensError) {
        guard case .journal(let journal, _) = place, let begun = awaited.first, !pending.isEmpty else { return }
        try journal.append(UnfinishedScores(begun, from: journal.unfinished?.nll.count ?? 0, nll: pending))
        pending = []
        lastKept = .now
    }

    private static func difference(
        _ record: ScoreRecord, _ sequence: TokenSequence, _ context: Int, _ stride: Int, _ model: String
    ) -> String? {
        let common = firstDifference(record.tokens, sequence.tokens)
        if common < max(record.tokens.count, sequence.tokens.count) {
            return describeDifference(record.tokens, "there", sequence.tokens, "now", at: common)
        }
        if (record.document, record.sequence) != (sequence.document, sequence.index) {
            return "there is sequence \(sequence.index) of document \"\(sequence.document)\" now"
        }
        return differenceOfSettings(
            [
                ("context", record.context.map(String.init)), ("stride", record.stride.map(String.init)),
                ("model", record.model),
            ], from: [String(context), String(stride), model])
    }

    private var earlierPath: String {
        switch place {
        case .journal(let journal, _): journal.path
        case .finished(let path): path
        case .stream: "standard output"
        }
    }

    /// Adds a record that was computed, in the order in which they were asked for.
    package func write(_ record: ScoreRecord) throws(LensError) {
        switch place {
        case .stream(let lines): try lines.write(record.jsonLine())
        case .journal(let journal, _):
            try safetensors?.add(record)
            try journal.append(record)
            awaited = awaited.dropFirst()
            (pending, lastKept) = ([], .now)
        case .finished: preconditionFailure("a finished file gets no further records")
        }
        writtenCount += 1
    }

    /// Makes the file appear, and removes the journal. `.usage` when an earlier run had more sequences.
    package func finish() throws(LensError) {
        var more = try earlier?.next()?.name
        if case .journal(let journal, _) = place { more = more ?? journal.unfinished?.work.name }
        if let more {
            throw .usage(
                "\(earlierPath) was made of more documents: it has \(more), and there is no further one now. Give "
                    + "the same ones as before, or score anew without --resume.")
        }
        switch place {
        case .stream(let lines): try lines.finish()
        case .finished: break
        case .journal(let journal, let output):
            if let safetensors {
                try safetensors.write(journal.records())
            } else {
                let file = try AtomicFile(path: output)
                var records = try journal.records()
                while let line = try records.nextLine() { try file.write(line + [0x0A]) }
                try file.commit()
            }
            try journal.remove()
        }
    }

    /// Ends a run that does not come to its end: the journal stays, unless it holds nothing.
    ///
    /// - Parameter discarding: removes what this run alone has done; what earlier ones had stays.
    /// - Returns: a sentence that says what is kept and how to go on.
    package func stop(discarding: Bool = false) -> String {
        switch place {
        case .stream:
            return writtenCount > 0
                ? "The \(describeCount(writtenCount, "finished sequence")) written so far are whole." : ""
        case .finished: return ""
        case .journal(let journal, _):
            // What cannot be written, on a full disk, is not kept, and not said to be.
            try? keepPending()
            if journal.kept.isEmpty || discarding && !resumption.hasKept {
                try? journal.remove()
                return "Nothing is kept."
            }
            try? journal.sync()
            return "Kept in \(journal.path): \(journal.kept). The same command with --resume goes on there."
        }
    }
}

extension ScoreOutput.Resumption {
    fileprivate var hasKept: Bool { if case .kept = self { true } else { false } }
}
