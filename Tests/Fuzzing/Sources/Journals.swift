import LongLens

extension Target {
    /// What an earlier run of scoring left, from which this one goes on to the end: after a zero byte its journal as it
    /// is, after a one its finished output; otherwise the lines of its journal, which get the checksums that no mutation
    /// would leave right.
    static let journal = Target(
        name: "journal",
        seeds: {
            let journal = try Samples.journal()
            return [[0] + journal, withoutChecksums(journal)]
                + (try ScoreFormat.allCases.map { try [1] + Samples.scores($0, Samples.resumable) })
        },
        run: { input, scratch in
            let isOutput = input.first == 1
            let bytes = isOutput || input.first == 0 ? Array(input.dropFirst()) : withChecksums(input)
            let path = scratch.path + "/s"
            for format in ScoreFormat.allCases {
                for resume in [true, false] {
                    for name in ["s", "s.partial"] { scratch.remove(name) }
                    _ = scratch.write(isOutput ? "s" : "s.partial", bytes)
                    try attempt { try score(to: path, format, resume: resume) }
                }
            }
        })

    /// As `longlens score` does, with losses that are known.
    private static func score(to path: String, _ format: ScoreFormat, resume: Bool) throws {
        let output = try ScoreOutput(path: path, format: format, settings: Samples.scoreSettings, resume: resume) {
            precondition(!$0.isEmpty)
        }
        for record in Samples.resumable {
            let sequence = TokenSequence(document: record.document, index: record.sequence, tokens: record.tokens)
            let found = try output.record(of: sequence, context: 8, stride: 4, model: "m")
            if found != nil { continue }
            let plan = try WindowPlan(length: record.tokens.count, context: 8, stride: 4)
            precondition(plan.windowCount(ofLosses: output.knownLosses.count) != nil)
            try output.keep(Array(record.nll[output.knownLosses.count...]))
            try output.write(record)
        }
        try output.finish()
        // What is there in the end is of these sequences, whatever was there before.
        do {
            let reader = try ScoreFormat.reader(path)
            for record in Samples.resumable {
                let found = try reader.next()
                precondition(found?.document == record.document && found?.tokens == record.tokens)
            }
            let more = try reader.next()
            precondition(more == nil)
        } catch { preconditionFailure("the finished file cannot be read: \(error)") }
    }

    private static func withChecksums(_ lines: [UInt8]) -> [UInt8] {
        let lines = lines.split(separator: 0x0A, omittingEmptySubsequences: false)
        return Array(lines.map { $0.isEmpty ? [] : checksum($0) + [0x20] + $0 }.joined(separator: [0x0A]))
    }

    private static func withoutChecksums(_ journal: [UInt8]) -> [UInt8] {
        let lines = journal.split(separator: 0x0A, omittingEmptySubsequences: false)
        return Array(lines.map { $0.dropFirst(17) }.joined(separator: [0x0A]))
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var sum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe sum.update($0) }
        return Array(sum.hexadecimal.utf8)
    }
}
