import LensData
import LensSupport

/// The losses of one sequence: a line of a score file.
public struct ScoreRecord: Sendable, Equatable {
    /// Id of the document.
    public var document: String
    /// Number of the sequence within the document, from 0.
    public var sequence: Int
    public var tokens: [Int32]
    /// `nll[i]` is the negative natural log of the probability of `tokens[i + 1]`: one fewer than tokens, all finite.
    public var nll: [Float]
    /// Most tokens that a loss was computed from, where known.
    public var context: Int?
    /// Tokens from one window to the next, where known.
    public var stride: Int?
    /// Name of the model, where known.
    public var model: String?

    /// Losses `nll` (nats) of `tokens` 1, 2, …: one fewer than there are tokens.
    public init(
        document: String, sequence: Int, tokens: [Int32], nll: [Float], context: Int? = nil, stride: Int? = nil,
        model: String? = nil
    ) {
        self.document = document
        self.sequence = sequence
        self.tokens = tokens
        self.nll = nll
        self.context = context
        self.stride = stride
        self.model = model
    }

    /// Where this record's sequence is, for messages.
    var name: String { "sequence \(sequence) of document \"\(document)\"" }

    /// Throws `.data` unless there is one sensible loss for each token but the first; `place` begins the message.
    func check(_ place: String) throws(LensError) {
        guard !tokens.isEmpty else { throw .data("\(place): there are no tokens.") }
        guard nll.count == tokens.count - 1 else {
            throw .data(
                "\(place): nll has \(nll.count) entries and tokens has \(tokens.count); nll must have one fewer than "
                    + "tokens.")
        }
        for (index, loss) in nll.enumerated() {
            guard loss.isFinite else { throw .data("\(place): nll[\(index)] is \(loss), and must be a finite number.") }
            // Rounding can take the loss of a certain token a little below 0.
            guard loss >= -0.01 else {
                throw .data(
                    "\(place): nll[\(index)] is \(loss). The negative log of a probability is never below 0; were "
                        + "log-probabilities written without the minus sign?")
            }
        }
        for (index, token) in tokens.enumerated() where token < 0 {
            throw .data("\(place): tokens[\(index)] is \(token), and a token is never below 0.")
        }
    }
}

// MARK: JSON lines

extension ScoreRecord {
    /// The record as a line of a score file, with its line feed. Losses are written as short as reads back the same.
    public func jsonLine() -> [UInt8] {
        var line = Array("{\"document\":".utf8)
        line.appendJSON(document)
        line += ",\"sequence\":\(sequence),\"tokens\":".utf8
        line.appendJSON(tokens)
        line += ",\"nll\":".utf8
        line.appendJSON(nll)
        if let context { line += ",\"context\":\(context)".utf8 }
        if let stride { line += ",\"stride\":\(stride)".utf8 }
        if let model {
            line += ",\"model\":".utf8
            line.appendJSON(model)
        }
        line += "}\n".utf8
        return line
    }

    /// Reads a line. `place` (file and line) begins every message. Fields of other names are passed over.
    init(jsonLine: [UInt8], place: String) throws(LensError) {
        var fields = ScoreFields(place: place)
        var json = JSONScanner(jsonLine, place: place)
        var first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) { try fields.read(String(decoding: key, as: UTF8.self), &json) }
        try json.end()
        self = try fields.record()
    }
}

/// What was read of a line so far.
private struct ScoreFields {
    let place: String
    private var document: String?
    private var sequence: Int?
    private var tokens: [Int32]?
    private var nll: [Float]?
    private var context: Int?
    private var stride: Int?
    private var model: String?
    private var seen: Set<String> = []

    private static let known: Set = ["document", "sequence", "tokens", "nll", "context", "stride", "model"]

    init(place: String) { self.place = place }

    mutating func read(_ key: String, _ json: inout JSONScanner) throws(LensError) {
        guard Self.known.contains(key) else { return try json.skip() }
        guard seen.insert(key).inserted else { throw json.error("\"\(key)\" is there twice.") }
        switch key {
        case "document": document = try name(&json)
        case "sequence": sequence = try json.integer("sequence", in: 0...Int.max)
        case "tokens": tokens = try integers(&json)
        case "nll": nll = try json.floats("nll")
        case "context": context = try setting(key, &json)
        case "stride": stride = try setting(key, &json)
        default: model = json.accept("null") ? nil : try name(&json)
        }
    }

    func record() throws(LensError) -> ScoreRecord {
        guard let document else { throw missing("document") }
        guard let sequence else { throw missing("sequence") }
        guard let tokens else { throw missing("tokens") }
        guard let nll else { throw missing("nll") }
        let record = ScoreRecord(
            document: document, sequence: sequence, tokens: tokens, nll: nll, context: context, stride: stride,
            model: model)
        try record.check(place)
        return record
    }

    private func missing(_ field: String) -> LensError {
        .data(
            "\(place): there is no \"\(field)\". A line of a score file is "
                + "{\"document\": id, \"sequence\": n, \"tokens\": […], \"nll\": […], …}.")
    }

    private func name(_ json: inout JSONScanner) throws(LensError) -> String {
        let bytes = json.peek() == UInt8(ascii: "\"") ? try json.string()[...] : try json.number()
        return String(decoding: bytes, as: UTF8.self)
    }

    private func setting(_ key: String, _ json: inout JSONScanner) throws(LensError) -> Int? {
        json.accept("null") ? nil : try json.integer(key, in: 0...Int.max)
    }

    private func integers(_ json: inout JSONScanner) throws(LensError) -> [Int32] {
        var values: [Int32] = []
        var first = true
        try json.beginArray()
        while try json.nextElement(&first) {
            values.append(Int32(try json.integer("tokens[\(values.count)]", in: 0...Int(Int32.max))))
        }
        return values
    }
}

extension JSONScanner {
    /// An array of finite numbers; `name` is for messages.
    mutating func floats(_ name: String) throws(LensError) -> [Float] {
        var values: [Float] = []
        var first = true
        try beginArray()
        while try nextElement(&first) { values.append(try float("\(name)[\(values.count)]")) }
        return values
    }
}

extension Array where Element == UInt8 {
    /// Appends a JSON array of numbers; Swift writes a finite number in the shortest form that reads back the same.
    mutating func appendJSON(_ numbers: [some Numeric & CustomStringConvertible]) {
        append(UInt8(ascii: "["))
        for (index, number) in numbers.enumerated() {
            if index > 0 { append(UInt8(ascii: ",")) }
            self += number.description.utf8
        }
        append(UInt8(ascii: "]"))
    }
}
