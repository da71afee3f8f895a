import LensData
import LensSupport

/// Losses of the first windows of a sequence whose record is yet to come. A line of the journal holds some of them, the
/// line after it the next.
struct UnfinishedScores: Sendable {
    /// Which sequence under which windows.
    struct Work: Sendable, Equatable {
        var document: String
        var sequence: Int
        /// Tokens of the sequence, and their checksum.
        var length: Int
        var tokens: String
        var context: Int
        var stride: Int
        var model: String
    }

    let work: Work
    /// How many losses come before these.
    let from: Int
    /// The losses of tokens `from + 1`, `from + 2`, …
    private(set) var nll: [Float]

    init(_ work: Work, from: Int, nll: [Float]) {
        self.work = work
        self.from = from
        self.nll = nll
    }

    /// Adds what the next line holds; false when that does not go on here.
    mutating func append(_ next: UnfinishedScores) -> Bool {
        guard next.work == work, next.from == from + nll.count else { return false }
        nll += next.nll
        return true
    }

    // MARK: Lines

    private static let beginning = Array("{\"unfinished\":".utf8)

    /// Whether a line of the journal is of this kind, and no record.
    static func begins(_ line: some Collection<UInt8>) -> Bool { line.starts(with: beginning) }

    /// A JSON object, without line feed. Losses are written as short as reads back the same.
    var json: [UInt8] {
        var line = Self.beginning
        line.appendJSON(work.document)
        line += ",\"sequence\":\(work.sequence),\"length\":\(work.length),\"tokens\":".utf8
        line.appendJSON(work.tokens)
        line += ",\"context\":\(work.context),\"stride\":\(work.stride),\"model\":".utf8
        line.appendJSON(work.model)
        line += ",\"from\":\(from),\"nll\":".utf8
        line.appendJSON(nll)
        line.append(UInt8(ascii: "}"))
        return line
    }

    /// Reads what ``json`` writes. `.data` for anything else.
    init(json line: [UInt8], place: String) throws(LensError) {
        var json = JSONScanner(line, place: place)
        var first = true
        func key(_ name: String) throws(LensError) {
            guard let key = try json.nextKey(&first), key.elementsEqual(name.utf8) else {
                throw json.error("\"\(name)\" was expected.")
            }
        }
        func text(_ name: String) throws(LensError) -> String {
            try key(name)
            return String(decoding: try json.string(), as: UTF8.self)
        }
        func number(_ name: String, _ range: ClosedRange<Int> = 0...Int.max) throws(LensError) -> Int {
            try key(name)
            return try json.integer(name, in: range)
        }
        try json.beginObject()
        let document = try text("unfinished")
        let sequence = try number("sequence")
        let length = try number("length", 2...Int.max)
        work = Work(
            document: document, sequence: sequence, length: length, tokens: try text("tokens"),
            context: try number("context"), stride: try number("stride"), model: try text("model"))
        from = try number("from", 0...length - 2)
        try key("nll")
        nll = try json.floats("nll")
        guard try json.nextKey(&first) == nil, from + nll.count < length else {
            throw json.error("there is more than was expected.")
        }
        try json.end()
    }
}

extension UnfinishedScores.Work {
    /// Where the sequence is, for messages.
    var name: String { "sequence \(sequence) of document \"\(document)\"" }

    init(_ sequence: TokenSequence, context: Int, stride: Int, model: String) {
        var sum = Checksum()
        unsafe sequence.tokens.withUnsafeBytes { unsafe sum.update($0) }
        self.init(
            document: sequence.document, sequence: sequence.index, length: sequence.tokens.count,
            tokens: sum.hexadecimal,
            context: context, stride: stride, model: model)
    }

    /// What the first thing is in which this differs from what there is now; nil when nothing does.
    func difference(from now: Self) -> String? {
        if (document, sequence) != (now.document, now.sequence) {
            return "there is sequence \(now.sequence) of document \"\(now.document)\" now"
        }
        if length != now.length { return "there were \(length) tokens and there are \(now.length) now" }
        if tokens != now.tokens { return "the tokens are others now" }
        return differenceOfSettings(
            [("context", String(context)), ("stride", String(stride)), ("model", model)],
            from: [String(now.context), String(now.stride), now.model])
    }
}

/// Names the first setting that is another one now, with both values.
func differenceOfSettings(_ there: [(name: String, value: String?)], from now: [String]) -> String? {
    for ((name, there), now) in zip(there, now) where there != now {
        return "the \(name) is \(there ?? "not stated") there and \(now) now"
    }
    return nil
}
