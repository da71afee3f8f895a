import LensSupport

/// The value `NAME:key=value,…` of an option, its keys asked for once each; `_` may be written `-`.
struct OptionValues {
    private let option: String
    private let spec: String
    let name: String
    private var values: [String: String] = [:]
    /// The keys asked for so far: those that the type has.
    private var keys: [String] = []

    init(_ option: String, _ spec: String) throws(LensError) {
        (self.option, self.spec) = (option, spec)
        let list: String?
        (name, list) = Self.split(spec, at: ":")
        for item in list?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            let (name, value) = Self.split(String(item), at: "=")
            let key = String(name.map { $0 == "-" ? "_" : $0 })
            guard let value, !key.isEmpty else { throw wrong("\(quoted(String(item))) is not key=value") }
            guard values.updateValue(value, forKey: key) == nil else { throw wrong("\(key) is given twice") }
        }
    }

    private mutating func take(_ key: String) -> String? {
        keys.append(key)
        return values.removeValue(forKey: key)
    }

    mutating func positive(_ key: String) throws(LensError) -> Double? {
        guard let text = take(key) else { return nil }
        guard let value = Double(text), value.isFinite, value > 0 else {
            throw wrong("\(key) must be a number above 0")
        }
        return value
    }

    mutating func factor() throws(LensError) -> Double {
        guard let value = try positive("factor") else {
            let hints = values.keys.sorted().map { suggestion(for: $0, among: ["factor"]) }
            throw .usage(wrong("factor=X is missing").message + (hints.first { !$0.isEmpty } ?? ""))
        }
        guard value >= 1 else { throw wrong("factor must be at least 1") }
        return value
    }

    mutating func integer(_ key: String) throws(LensError) -> Int? {
        guard let text = take(key) else { return nil }
        guard let value = parseTokenCount(text), value >= 1 else {
            throw wrong("\(key) must be a whole number above 0")
        }
        return value
    }

    mutating func bool(_ key: String) throws(LensError) -> Bool? {
        guard let text = take(key) else { return nil }
        guard text == "true" || text == "false" else { throw wrong("\(key) must be true or false") }
        return text == "true"
    }

    /// Throws where a key was not asked for.
    func finish() throws(LensError) {
        guard let key = values.keys.min() else { return }
        let error = wrong("\(name) has no key \(key)")
        throw .usage(error.message + suggestion(for: key, among: keys))
    }

    func wrong(_ what: String) -> LensError { .usage("\(option) \(quoted(spec)): \(what).") }

    private static func split(_ text: String, at separator: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}
