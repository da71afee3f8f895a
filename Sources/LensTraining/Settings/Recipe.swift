import LensSupport
import Yams

/// A file of settings: YAML, one `key: value` a line under the names of the command line's options.
package enum Recipe {
    /// A recipe is written by hand; a file past this size is something else.
    static let greatestByteCount = 1 << 20

    /// Reads the recipe at `path`. `.data` for malformed YAML, a key that is no setting or a value that is no scalar,
    /// with the line.
    package static func read(path: String) throws(LensError) -> SettingsLayer {
        let file = try InputFile(regular: path)
        let count = file.status?.byteCount ?? 0
        guard count <= greatestByteCount else {
            throw .data("\(path) has \(count) bytes, and a recipe has at most \(greatestByteCount). Is it one?")
        }
        let bytes = try file.rest()
        guard let text = String(validating: bytes, as: UTF8.self) else {
            let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
            throw .data(
                "\(path) is \(isUTF16 ? "UTF-16" : "not UTF-8") text, and a recipe is UTF-8. Save it as UTF-8.")
        }
        return try parse(text, path: path)
    }

    /// Parses a recipe; `path` is for messages. A byte order mark is passed over.
    package static func parse(_ text: String, path: String) throws(LensError) -> SettingsLayer {
        var layer = SettingsLayer()
        let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
        try RecipeLimits.check(text, path: path)
        guard let root = try compose(text, path: path) else { return layer }
        guard case .mapping(let mapping) = root else {
            throw .data(
                "\(place(root, path)) is not a list of settings; a recipe has lines such as \"context: "
                    + "8192\".")
        }
        for (keyNode, valueNode) in mapping {
            let line = place(keyNode, path)
            guard let name = keyNode.scalar?.string else {
                throw .data("\(line): a list or mapping stands where a setting's name should, which is a plain word.")
            }
            guard let key = SettingKey(rawValue: name) else {
                let hint = suggestion(for: name, among: SettingKey.allCases.map(\.rawValue))
                throw .data(
                    "\(line): \(quoted(name)) is not a setting.\(hint) The settings are the long options of "
                        + "longlens train."
                )
            }
            layer.set(key, try values(valueNode, of: key, line), place: "\(line), \(name)")
        }
        return layer
    }

    private static func compose(_ text: String, path: String) throws(LensError) -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw describe(error, path: path)
        } catch {
            throw .data("\(path) is not YAML: \(error).")
        }
    }

    private static func describe(_ error: YamlError, path: String) -> LensError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return .data("\(path) line \(mark.line): not YAML: \(problem).")
        case .duplicatedKeysInMapping(let duplicates, _):
            return .data("\(path): \(duplicates.joined(separator: ", ")) is given twice. Keep one of them.")
        default:
            return .data("\(path) is not YAML.")
        }
    }

    private static func values(_ node: Node, of key: SettingKey, _ line: String) throws(LensError) -> [String] {
        switch node {
        case .scalar(let scalar):
            if scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string) {
                throw .data("\(line): \(key.rawValue) has no value. Give it one, or remove the line for the default.")
            }
            return [scalar.string]
        case .sequence(let sequence) where key == .data:
            var list: [String] = []
            for item in sequence {
                guard let text = item.scalar?.string else { throw .data("\(line): data must be a list of paths.") }
                list.append(text)
            }
            return list
        default:
            throw .data("\(line): \(key.rawValue) must be a single value.")
        }
    }

    private static func place(_ node: Node, _ path: String) -> String {
        node.mark.map { "\(path) line \($0.line)" } ?? path
    }

    /// The settings as a recipe that gives the same run again.
    package static func text(_ settings: TrainingSettings) throws(LensError) -> String {
        let pairs = settings.entries.map { key, values in
            (
                Node(key.rawValue),
                key == .data ? Node(values.map(scalar)) : scalar(values.first ?? "")
            )
        }
        do {
            return "# The settings of this run; longlens train --recipe FILE uses them again.\n"
                + (try Yams.serialize(node: Node(pairs), allowUnicode: true))
        } catch {
            throw .data("The settings cannot be written as YAML: \(error).")
        }
    }

    // Plain where YAML allows it, but never where a reader would see a missing value.
    private static func scalar(_ text: String) -> Node {
        let isNull = ["", "~", "null", "Null", "NULL"].contains(text)
        return Node(text, Tag(.str), isNull ? .doubleQuoted : .any)
    }

    /// Writes the settings to `path`, whole or not at all.
    package static func write(_ settings: TrainingSettings, path: String) throws(LensError) {
        let file = try AtomicFile(path: path)
        try file.write(text(settings))
        try file.commit()
    }
}

extension TrainingSettings {
    /// The settings of `options` (the command line), which win over those of the recipe at `recipe`.
    package init(recipe: String?, options: SettingsLayer) throws(LensError) {
        let base = if let recipe { try Recipe.read(path: recipe) } else { SettingsLayer() }
        try self.init(base.overridden(by: options))
    }
}
