import LensFormats
import LensSupport

/// `--rope-scaling TYPE:key=value,…`: how the rotary frequencies change for the longer context.
///
/// TYPE and keys are those of Hugging Face's `rope_scaling` (`none`, `linear`, `dynamic`, `yarn`, `llama3`); `_` may be
/// written `-`.
package enum RopeOption {
    /// Reads the option. The factor of `yarn`, `linear`, `dynamic` and `llama3` must be given; what else is left out is
    /// the format's default, and the original context is then the one the model was trained for (`trainedFor`).
    package static func parse(_ spec: String, contextLength: Int, trainedFor: Int? = nil) throws(LensError)
        -> RopeScaling
    {
        let (type, list) = split(spec, at: ":")
        var values = try Values(spec, list)
        let original = { (values: inout Values) throws(LensError) -> Int in
            try values.integer("original_max_position_embeddings") ?? trainedFor ?? contextLength
        }
        let scaling: RopeScaling
        switch type {
        case "none", "default": scaling = .none
        case "linear": scaling = .linear(factor: try values.factor())
        case "dynamic": scaling = .dynamic(factor: try values.factor())
        case "yarn": scaling = .yarn(try yarn(&values, original(&values)))
        case "llama3":
            scaling = .llama3(
                factor: try values.factor(), lowFrequencyFactor: try values.positive("low_freq_factor") ?? 1,
                highFrequencyFactor: try values.positive("high_freq_factor") ?? 4,
                originalContextLength: try original(&values))
        case "longrope":
            throw .usage(
                "--rope-scaling longrope needs a list of factors for each frequency: put it into the model's "
                    + "config.json."
            )
        default:
            let types = ["none", "linear", "dynamic", "yarn", "llama3"]
            throw .usage(
                "--rope-scaling \(quoted(spec)): the type is one of \(types.joined(separator: ", "))."
                    + suggestion(for: type, among: types))
        }
        try values.finish(type)
        return scaling
    }

    private static func yarn(_ values: inout Values, _ original: Int) throws(LensError) -> YarnScaling {
        var yarn = YarnScaling(factor: try values.factor(), originalContextLength: original)
        yarn.betaFast = try values.positive("beta_fast") ?? yarn.betaFast
        yarn.betaSlow = try values.positive("beta_slow") ?? yarn.betaSlow
        yarn.attentionFactor = try values.positive("attention_factor")
        yarn.mscale = try values.positive("mscale")
        yarn.mscaleAllDim = try values.positive("mscale_all_dim")
        yarn.truncate = try values.bool("truncate") ?? yarn.truncate
        return yarn
    }

    fileprivate static func split(_ text: String, at separator: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}

/// The `key=value` list of the option; every key must be asked for once.
private struct Values {
    private let spec: String
    private var values: [String: String] = [:]
    /// The keys asked for so far: those that the type has.
    private var keys: [String] = []

    init(_ spec: String, _ list: String?) throws(LensError) {
        self.spec = spec
        for item in list?.split(separator: ",", omittingEmptySubsequences: false) ?? [] {
            let (name, value) = RopeOption.split(String(item), at: "=")
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

    func finish(_ type: String) throws(LensError) {
        guard let key = values.keys.min() else { return }
        let error = wrong("\(type) has no key \(key)")
        throw .usage(error.message + suggestion(for: key, among: keys))
    }

    func wrong(_ what: String) -> LensError { .usage("--rope-scaling \(quoted(spec)): \(what).") }
}
