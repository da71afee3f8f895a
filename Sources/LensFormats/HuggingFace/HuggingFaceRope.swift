import LensSupport

/// Reads the rotary settings of `config.json` in its old form (`rope_theta` and `rope_scaling`, until transformers 4)
/// and its new one (`rope_parameters`).
struct HuggingFaceRope {
    private let top: JSONValue
    private let path: String
    private let contextLength: Int

    init(_ object: JSONValue, path: String, contextLength: Int) {
        top = object
        self.path = path
        self.contextLength = contextLength
    }

    private func bad(_ problem: String) -> LensError { .data("\(path): \(problem)") }

    private func number(_ key: String, in object: JSONValue) throws(LensError) -> Double? {
        guard let value = object[key] else { return nil }
        guard let number = value.number else { throw bad("`\(key)` of the rotary settings must be a number.") }
        return number
    }

    private func required(_ key: String, in object: JSONValue) throws(LensError) -> Double {
        guard let value = try number(key, in: object) else { throw bad("the rotary settings have no `\(key)`.") }
        return value
    }

    private func numbers(_ key: String, in object: JSONValue) throws(LensError) -> [Double] {
        guard let list = object[key]?.array else { throw bad("the rotary settings have no list `\(key)`.") }
        var numbers: [Double] = []
        for element in list {
            guard let number = element.number else { throw bad("`\(key)` of the rotary settings must hold numbers.") }
            numbers.append(number)
        }
        return numbers
    }

    /// The dictionary of settings: as in transformers, a `rope_scaling` that is not empty wins over `rope_parameters`.
    private func settings() throws(LensError) -> JSONValue {
        for key in ["rope_scaling", "rope_parameters"] {
            guard let value = top[key] else { continue }
            guard let members = value.members else { throw bad("`\(key)` must be an object or null.") }
            if members.isEmpty { continue }
            // A model whose layers are all alike may name them.
            if let nested = value["full_attention"], nested.members != nil, members.count == 1 { return nested }
            return value
        }
        return [:]
    }

    func read(into configuration: inout ModelConfiguration) throws(LensError) {
        let settings = try settings()
        let theta = [try number("rope_theta", in: settings), try number("rope_theta", in: top)]
        configuration.ropeTheta = theta[0] ?? theta[1] ?? 10_000
        for object in [settings, top] {
            guard let partial = try number("partial_rotary_factor", in: object), partial != 1 else { continue }
            throw bad("`partial_rotary_factor` is \(partial); only heads that rotate as a whole are supported.")
        }
        configuration.ropeScaling = try scaling(settings)
    }

    private func scaling(_ settings: JSONValue) throws(LensError) -> RopeScaling {
        let value = settings["rope_type"] ?? settings["type"] ?? "default"
        guard let type = value.string else { throw bad("`rope_type` must be a string.") }
        switch type {
        case "default": return .none
        case "linear": return .linear(factor: try required("factor", in: settings))
        case "dynamic": return .dynamic(factor: try required("factor", in: settings))
        case "yarn": return .yarn(try yarn(settings))
        case "llama3":
            return .llama3(
                factor: try required("factor", in: settings),
                lowFrequencyFactor: try required("low_freq_factor", in: settings),
                highFrequencyFactor: try required("high_freq_factor", in: settings),
                originalContextLength: try originalContextLength(settings))
        case "longrope":
            return .longrope(
                shortFactors: try numbers("short_factor", in: settings),
                longFactors: try numbers("long_factor", in: settings), factor: try number("factor", in: settings),
                attentionFactor: try number("attention_factor", in: settings),
                originalContextLength: try originalContextLength(settings))
        default:
            throw bad(
                "the rotary scaling `\(type.prefix(60))` is not supported. Supported: default, linear, dynamic, yarn, "
                    + "llama3, longrope.")
        }
    }

    /// Phi-3 keeps it at the top level, where it wins.
    private func originalContextLength(_ settings: JSONValue) throws(LensError) -> Int {
        let key = "original_max_position_embeddings"
        guard let value = top[key] ?? settings[key] else { return contextLength }
        guard let length = value.integer else { throw bad("`\(key)` must be a whole number.") }
        return length
    }

    private func yarn(_ settings: JSONValue) throws(LensError) -> YarnScaling {
        let original = try originalContextLength(settings)
        let factor = try number("factor", in: settings) ?? Double(contextLength) / Double(max(1, original))
        var yarn = YarnScaling(factor: factor, originalContextLength: original)
        // Zero counts as absent, as in transformers.
        if let fast = try number("beta_fast", in: settings), fast != 0 { yarn.betaFast = fast }
        if let slow = try number("beta_slow", in: settings), slow != 0 { yarn.betaSlow = slow }
        yarn.attentionFactor = try number("attention_factor", in: settings)
        yarn.mscale = try number("mscale", in: settings)
        yarn.mscaleAllDim = try number("mscale_all_dim", in: settings)
        if let value = settings["truncate"] {
            guard let truncate = value.bool else { throw bad("`truncate` must be true or false.") }
            yarn.truncate = truncate
        }
        return yarn
    }
}
