import LensSupport
import Logging
import LongLens

/// A run of scoring: from documents to records, with its progress and its end.
final class ScoreRun {
    private let command: Score
    private let encoder: DocumentEncoder
    private let bosToken: Int32?
    private let modelName: String
    private let configuration: ModelConfiguration
    private let compute: Compute
    private let output: ScoreOutput
    private let progress: WorkProgress
    private let stop: StopRequest
    private let scoring: WindowScoring

    private var documentCount = 0
    private var sequenceCount = 0
    /// From earlier runs: finished sequences, and tokens of one that was not.
    private var earlier = (sequences: 0, tokens: 0)
    private var tokenCount = 0
    private var losses = BucketedLosses()
    /// Left out by --chunk: documents of which nothing is scored, and all tokens.
    private var dropped = (documents: 0, tokens: 0, longest: 0)
    private var warned: Set<String> = []

    /// So early, Ctrl-C takes back a mistaken command.
    private static let regret = Duration.seconds(10)

    /// - Parameter openOutput: called last, so that nothing is begun on the disk for a run that cannot be.
    init(
        _ command: Score, _ pretrained: Pretrained, _ runtime: Runtime, _ line: ProgressLine, _ stop: StopRequest,
        openOutput: () throws(LensError) -> ScoreOutput
    ) throws(LensError) {
        self.command = command
        encoder = try command.documents.encoder(for: pretrained)
        let pass = try command.batch.pass(pretrained.model, context: command.context.value, on: runtime)
        bosToken = pretrained.bosToken
        modelName = LongLens.modelName(path: pretrained.path)
        configuration = pretrained.model.configuration
        compute = pretrained.model.compute
        self.stop = stop
        let progress = WorkProgress(line)
        self.progress = progress
        let layerCount = configuration.layerCount
        scoring = WindowScoring(batch: pass.batch, bosToken: bosToken) { (windows, part) throws(LensError) in
            progress.begin(part)
            pass.afterLayer = { (layers) throws(LensError) in
                try stop.check("Stopped in document \(part.document), sequence \(part.sequence).")
                progress.advance(to: Double(layers) / Double(layerCount))
            }
            defer { pass.afterLayer = nil }
            return try pass.losses(of: windows)
        }
        output = try openOutput()
        scoring.afterWindow = { [output] (_, losses) throws(LensError) in try output.keep(losses) }
        scoring.afterSequence = { [unowned self] (sequence, plan, nll) throws(LensError) in
            let record = self.record(sequence, plan, nll)
            try output.write(record)
            count(record)
        }
    }

    func score(_ reader: DocumentReader) throws(LensError) {
        switch output.resumption {
        case .kept(let kept): progress.report("resuming after \(kept)")
        case .nothingThere: progress.report("there is nothing to resume: the run starts at its beginning")
        case .complete, .none: break
        }
        progress.byteCount = reader.byteCount
        while true {
            try stop.check("Stopped.")
            // Who writes a pipe may wait for what was written before.
            if reader.mayWait { try scoring.finish() }
            let start = reader.position
            guard let document = try scoring.finishing(beforeErrorOf: reader.next) else { break }
            try add(document, Double(start)..<Double(max(start, reader.position)))
        }
        try scoring.finish()
        try checkDropped()
        try output.finish()
    }

    /// - Parameter bytes: which of the input it is.
    private func add(_ document: Document, _ bytes: Range<Double>) throws(LensError) {
        let tokens = try scoring.finishing { () throws(LensError) in try encoder.tokens(of: document) }
        documentCount += 1
        var start = bytes.lowerBound
        for sequence in sequences(of: tokens, document.id) {
            let plan = try command.windows(ofLength: sequence.tokens.count)
            let share = Double(sequence.tokens.count) / Double(tokens.count)
            let end = min(bytes.upperBound, start + share * (bytes.upperBound - bytes.lowerBound))
            if let finished = try output.record(
                of: sequence, context: plan.context, stride: plan.stride, model: modelName)
            {
                earlier.sequences += 1
                scoring.skip(sequence)
                count(finished)
            } else {
                let longest = min(plan.context, plan.length)
                if let warning = configuration.warning(contextLength: longest) { warn("context", warning) }
                let known = output.knownLosses
                if !known.isEmpty { earlier.tokens += known.count + 1 }
                try scoring.add(sequence, plan: plan, known: known, bytes: start..<max(start, end))
            }
            start = end
        }
    }

    private func record(_ sequence: TokenSequence, _ plan: WindowPlan, _ nll: [Float]) -> ScoreRecord {
        ScoreRecord(
            document: sequence.document, sequence: sequence.index, tokens: sequence.tokens, nll: nll,
            context: plan.context, stride: plan.stride, model: modelName)
    }

    private func count(_ record: ScoreRecord) {
        for loss in record.nll { losses.add(loss, at: 0) }
        sequenceCount += 1
        tokenCount += record.tokens.count
    }

    private func sequences(of tokens: [Int32], _ document: String) -> [TokenSequence] {
        guard let chunk = command.chunk else { return [TokenSequence(document: document, index: 0, tokens: tokens)] }
        let cutter = SequenceCutter(length: chunk.value, bosToken: bosToken, keepLast: command.keepLast)
        let sequences = cutter.sequences(of: tokens, document: document)
        dropped.tokens += cutter.droppedCount(of: tokens)
        if sequences.isEmpty {
            dropped.documents += 1
            dropped.longest = max(dropped.longest, tokens.count)
        }
        return sequences
    }

    private func checkDropped() throws(LensError) {
        guard dropped.documents > 0, let chunk = command.chunk else { return }
        let advice =
            command.keepLast ? "" : " --keep-last keeps the shorter last sequence of each document, these among them."
        guard sequenceCount > 0 else {
            throw .data(
                "Nothing is left to score: each of the \(documentCount) documents, of at most \(dropped.longest) tokens, "
                    + "\(dropped.tokens) in all, is shorter than --chunk \(chunk.value) and dropped.\(advice)")
        }
        warn(
            "dropped",
            "\(dropped.documents) of \(documentCount) documents are shorter than --chunk \(chunk.value) and dropped."
                + advice)
    }

    private func warn(_ kind: String, _ message: String) {
        guard warned.insert(kind).inserted else { return }
        progress.clear()
        command.machine.log.warning("\(message)")
    }

    // MARK: The end

    /// The error of a run that does not come to its end, with what is kept of it.
    func ended(by error: LensError) -> LensError {
        progress.clear()
        let regrets =
            error.kind == .interrupted && Interrupts.status == LensError.Kind.interrupted.rawValue
            && progress.elapsed < Self.regret
        let kept = output.stop(discarding: regrets)
        // Of a wrong command nothing else is to be said: it has done nothing.
        guard error.kind != .usage, !kept.isEmpty else { return error }
        return LensError(error.kind, "\(error.message) \(kept)")
    }

    func report() {
        progress.clear()
        if output.resumption == .complete {
            progress.report(
                "\(command.output ?? "") is complete already: it has the scores of these documents, and nothing is to be done"
            )
        }
        var parts = [
            "\(describeCount(documentCount, "document")), \(describeCount(sequenceCount, "sequence")), "
                + "\(describeCount(tokenCount, "token")): mean loss \(Format.decimal(losses.mean, 4)), perplexity \(Format.decimal(losses.perplexity, 2))"
        ]
        if earlier.sequences > 0 { parts.append("\(describeCount(earlier.sequences, "sequence")) from before") }
        if earlier.tokens > 0 { parts.append("\(describeCount(earlier.tokens, "token")) of one from before") }
        if dropped.tokens > 0 {
            parts.append(
                "\(describeCount(dropped.tokens, "token")) dropped by --chunk\(command.keepLast ? "" : " (--keep-last keeps them)")"
            )
        }
        if let rate = progress.rate { parts.append("\(Format.decimal(rate, 0)) tok/s") }
        parts.append("computed in \(compute.rawValue)")
        if let path = command.output, output.resumption != .complete { parts.append("wrote \(path)") }
        progress.report(parts.joined(separator: "; "))
    }
}
