import LensSupport

/// One component of a tokenizer.json: a normalizer, a pre-tokenizer, a post-processor or a decoder.
struct HuggingFaceComponent {
    /// Components of a kind in one file. A published tokenizer has 6 at most.
    private static let most = 64

    let type: String
    let value: JSONValue

    /// What the key `what` of the file holds, in order: a Sequence stands for what is in it (under `key`).
    static func all(
        _ value: JSONValue?, _ what: String, key: String, _ path: String
    ) throws(LensError) -> [HuggingFaceComponent] {
        guard let value else { return [] }
        var result: [HuggingFaceComponent] = []
        var left = [value]
        var seen = 0
        while let next = left.popLast() {
            seen += 1
            guard seen <= most else { throw .data("\(path): the \(what) has more than \(most) steps.") }
            guard let type = next["type"]?.string else { throw .data("\(path): the \(what) has no type.") }
            if type == "Sequence" {
                let items = next[key]?.array ?? []
                guard items.count <= most else {
                    throw .data("\(path): the \(what) has \(items.count) steps; \(most) are allowed.")
                }
                left += items.reversed()
            } else {
                result.append(HuggingFaceComponent(type: type, value: next))
            }
        }
        return result
    }

    func flag(_ key: String, default: Bool) -> Bool { value[key]?.bool ?? `default` }

    /// The pattern of a Split or a Replace, in Oniguruma's dialect.
    func pattern(_ what: String, _ path: String) throws(LensError) -> String {
        if let regex = value["pattern"]?["Regex"]?.string { return regex }
        if let literal = value["pattern"]?["String"]?.string { return Self.pattern(of: literal.unicodeScalars) }
        throw .data("\(path): the \(what) \(type) has no pattern of the form {\"Regex\": …} or {\"String\": …}.")
    }

    /// A pattern that matches these characters.
    static func pattern(of characters: some Sequence<Unicode.Scalar>) -> String {
        characters.map { #"\x{"# + String($0.value, radix: 16) + "}" }.joined()
    }

    func unsupported(_ what: String, _ supported: String, _ path: String) -> LensError {
        .data("\(path): the \(what) \(type) is not supported; supported are \(supported) and Sequence.")
    }
}
