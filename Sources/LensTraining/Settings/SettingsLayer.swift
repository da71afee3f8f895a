import LensSupport

/// Settings as they were written in one place, not yet read: the command line, or a recipe.
///
/// Both places give strings under the same names and are read by the same code, so that they cannot drift apart.
package struct SettingsLayer: Sendable {
    struct Entry: Sendable {
        /// One string, or several for `data`.
        var values: [String]
        /// For messages: `--context`, or `recipe.yaml line 3, context`.
        var place: String
    }

    private(set) var entries: [SettingKey: Entry] = [:]

    package init() {}

    /// Gives `key` the value of a command line option.
    package mutating func set(_ key: SettingKey, _ values: String...) { set(key, values, place: "--\(key.rawValue)") }

    /// Gives `key` the values of a command line option that takes several.
    package mutating func set(_ key: SettingKey, _ values: [String]) { set(key, values, place: "--\(key.rawValue)") }

    mutating func set(_ key: SettingKey, _ values: [String], place: String) {
        entries[key] = Entry(values: values, place: place)
    }

    /// The keys that have a value here.
    package var keys: Set<SettingKey> { Set(entries.keys) }

    /// These settings with those of `other` put over them.
    package func overridden(by other: SettingsLayer) -> SettingsLayer {
        var result = self
        result.entries.merge(other.entries) { $1 }
        return result
    }
}

extension SettingsLayer {
    func string(_ key: SettingKey) throws(LensError) -> String? {
        guard let entry = entries[key] else { return nil }
        guard entry.values.count == 1 else {
            throw .usage("\(entry.place) has \(entry.values.count) values, and one was expected.")
        }
        guard !entry.values[0].isEmpty else { throw .usage("\(entry.place) is empty.") }
        return entry.values[0]
    }

    func strings(_ key: SettingKey) throws(LensError) -> [String]? {
        guard let entry = entries[key] else { return nil }
        guard !entry.values.isEmpty, !entry.values.contains("") else { throw .usage("\(entry.place) is empty.") }
        return entry.values
    }

    func required<Value>(_ key: SettingKey, _ value: Value?) throws(LensError) -> Value {
        guard let value else {
            throw .usage(
                "A training run needs --\(key.rawValue), on the command line or as \(key.rawValue) in a recipe.")
        }
        return value
    }

    /// A whole number of at most ``greatestCount``; `32k` is 32 · 1024 where `thousands` is set.
    func integer(_ key: SettingKey, atLeast least: Int, thousands: Bool = false) throws(LensError) -> Int? {
        guard let text = try string(key) else { return nil }
        guard let value = thousands ? parseTokenCount(text) : Int(text), (least...greatestCount).contains(value) else {
            throw wrong(
                key, text,
                "a whole number from \(least) to \(greatestCount)" + (thousands ? ", such as 8192 or 8k" : ""))
        }
        return value
    }

    func number(_ key: SettingKey, _ expected: String, where holds: (Double) -> Bool) throws(LensError) -> Double? {
        guard let text = try string(key) else { return nil }
        guard let value = Double(text), value.isFinite, holds(value) else { throw wrong(key, text, expected) }
        return value
    }

    func bool(_ key: SettingKey) throws(LensError) -> Bool? {
        guard let text = try string(key) else { return nil }
        switch text {
        case "true": return true
        case "false": return false
        default: throw wrong(key, text, "true or false")
        }
    }

    func choice<Value: RawRepresentable & CaseIterable>(_ key: SettingKey, _ type: Value.Type) throws(LensError)
        -> Value?
    where Value.RawValue == String {
        guard let text = try string(key) else { return nil }
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue)
            throw wrong(key, text, names.joined(separator: ", "), suggestion(for: text, among: names))
        }
        return value
    }

    func byteCount(_ key: SettingKey) throws(LensError) -> Int? {
        guard let text = try string(key) else { return nil }
        guard let value = parseByteCount(text) else {
            throw wrong(key, text, "an amount of memory such as 8GiB or 500MiB")
        }
        return value
    }

    func wrong(_ key: SettingKey, _ text: String, _ expected: String, _ suggestion: String = "") -> LensError {
        .usage(
            "\(entries[key]?.place ?? key.rawValue) is \(quoted(text)), and this was expected: \(expected).\(suggestion)"
        )
    }
}

/// The text in quotes, cut where a message would become unreadable.
func quoted(_ text: String) -> String { "\"\(text.count > 80 ? String(text.prefix(77)) + "…" : text)\"" }
