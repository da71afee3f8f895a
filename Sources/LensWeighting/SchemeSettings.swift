import LensSupport

/// The name and settings of a scheme's specification; each setting is checked as it is taken.
struct SchemeSettings {
    /// Every scheme with its keys in canonical order, as messages show them.
    static let schemes: [(name: String, keys: [String])] = [
        ("uniform", []), ("dense", ["lambda"]), ("sparse", ["kappa"]), ("longce", ["gamma"]),
        ("ppmi", ["shift", "kappa"]), ("npmi", ["shift", "kappa"]), ("rho", ["kappa"]), ("longfilter", []),
        ("exact", ["alpha", "gamma", "tau"]),
        (
            "pipeline",
            ["comparison", "transforms", "truncation", "sparsification", "normalization", "interpolation"]
        ),
    ]

    let spec: String
    let name: String
    private let keys: [String]
    private var values: [String: String] = [:]
    private var taken: [String] = []

    init(_ spec: String) throws(LensError) {
        self.spec = spec
        let parts = spec.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        name = String(parts[0])
        guard let scheme = SchemeSettings.schemes.first(where: { $0.name == parts[0] }) else {
            let names = SchemeSettings.schemes.map(\.name)
            throw .usage(
                "There is no weighting scheme \"\(parts[0])\" (in \"\(spec)\")."
                    + suggestion(for: String(parts[0]), among: names)
                    + " Schemes are: \(names.joined(separator: ", ")).")
        }
        keys = scheme.keys
        guard parts.count == 2 else { return }
        for setting in parts[1].split(separator: ",", omittingEmptySubsequences: false) {
            let pair = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, !pair[1].isEmpty else {
                throw error("\"\(setting)\" is not of the form key=value")
            }
            guard keys.contains(pair[0]) else {
                throw error("it has no key \"\(pair[0])\"", suggestion(for: pair[0], among: keys))
            }
            guard values.updateValue(pair[1], forKey: pair[0]) == nil else {
                throw error("\(pair[0]) is given twice")
            }
        }
    }

    /// The specification with the settings taken, in the order they were taken.
    var canonical: String { taken.isEmpty ? name : "\(name):\(taken.joined(separator: ","))" }

    func error(_ problem: String, _ suggestion: String = "") -> LensError {
        let valid = keys.isEmpty ? "\(name) takes no settings" : "\(name) takes \(keys.joined(separator: ", "))"
        return .usage("The weighting scheme \"\(spec)\" is not valid: \(problem).\(suggestion) (\(valid).)")
    }

    // MARK: Taking settings

    /// A share of predictions above 0 and at most 1: to keep none would train on nothing.
    mutating func kappa(_ key: String, default standard: Double? = nil) throws(LensError) -> Double? {
        try number(key, standard, "above 0 and at most 1") { $0 > 0 && $0 <= 1 }
    }

    mutating func share(_ key: String, default standard: Double? = nil) throws(LensError) -> Double? {
        try number(key, standard, "from 0 to 1") { $0 >= 0 && $0 <= 1 }
    }

    mutating func positive(_ key: String) throws(LensError) -> Double? {
        try number(key, nil, "above 0") { $0 > 0 }
    }

    mutating func positive(_ key: String, default standard: Double) throws(LensError) -> Double {
        try number(key, standard, "above 0") { $0 > 0 } ?? standard
    }

    /// A number of tokens, at least 1.
    mutating func count(_ key: String, default standard: Int) throws(LensError) -> Int {
        let number = try number(key, Double(standard), "a whole number of tokens, at least 1") {
            $0 >= 1 && $0 == $0.rounded() && $0 <= 0x1p53
        }
        return number.map { Int($0) } ?? standard
    }

    mutating func choice<Choice>(_ key: String, default standard: Choice) throws(LensError) -> Choice
    where Choice: RawRepresentable<String> & CaseIterable {
        let text = values[key] ?? standard.rawValue
        guard let choice = Choice(rawValue: text) else {
            let valid = Choice.allCases.map(\.rawValue)
            throw error(
                "\(key) is \"\(text)\", and can be \(valid.joined(separator: ", "))",
                suggestion(for: text, among: valid))
        }
        taken.append("\(key)=\(text)")
        return choice
    }

    /// `absolute`, `minus`, `exp`, `max` and `shift:S`, joined by `+`.
    mutating func transforms(_ key: String) throws(LensError) -> [Transform] {
        guard let text = values[key] else { return [] }
        var transforms: [Transform] = []
        var names: [String] = []
        for step in text.split(separator: "+", omittingEmptySubsequences: false) {
            let parts = step.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == ":" || $0 == "=" }
            switch (parts[0], parts.count) {
            case ("absolute", 1): transforms.append(.absolute)
            case ("minus", 1): transforms.append(.minus)
            case ("exp", 1): transforms.append(.exp)
            case ("max", 1): transforms.append(.max)
            case ("shift", 2):
                guard let shift = Self.decimal(String(parts[1])), shift > 0 else {
                    throw error("the shift of \"\(step)\" must be a number above 0")
                }
                transforms.append(.shift(shift))
                names.append("shift:\(plain(shift))")
                continue
            default:
                throw error(
                    "\"\(step)\" is no transform; there are absolute, minus, exp, max, and shift:S with S > 0",
                    suggestion(for: String(parts[0]), among: ["absolute", "minus", "exp", "max", "shift:S"]))
            }
            names.append(String(step))
        }
        taken.append("\(key)=\(names.joined(separator: "+"))")
        return transforms
    }

    private mutating func number(
        _ key: String, _ standard: Double?, _ range: String, where isValid: (Double) -> Bool
    ) throws(LensError) -> Double? {
        var number = standard
        if let text = values[key] {
            number = Self.decimal(text)
            guard let number, isValid(number) else {
                throw error("\(key) is \"\(text)\", and must be \(range.hasPrefix("a ") ? range : "a number \(range)")")
            }
        }
        if let number { taken.append("\(key)=\(plain(number))") }
        return number
    }

    /// A finite decimal number; the standard library would also read "nan", "infinity" and hexadecimal.
    private static func decimal(_ text: String) -> Double? {
        guard text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || "+-.eE".utf8.contains($0) }) else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }
}

/// A number as short as it can be written: 5, 0.2.
func plain(_ number: Double) -> String {
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
