import LensSupport

extension ModelConfiguration {
    /// The longest context that the model was made for: the one it states, or as far as its rotary scaling stretches an
    /// original one.
    package var trainedContextLength: Int {
        switch ropeScaling {
        // What a file states beside `linear` and `llama3` is the stretched context.
        case .yarn, .dynamic: max(contextLength, ropeScaling.stretched(contextLength))
        default: contextLength
        }
    }

    /// A warning where `length` tokens are seen together and the model was made for fewer; nil where that is fine.
    package func warning(contextLength length: Int) -> String? {
        guard length > trainedContextLength else { return nil }
        return
            "A context of \(length) tokens is past the \(trainedContextLength) that the model was made for, and its rotary "
            + "frequencies stay as they are: it was never trained on the positions beyond."
    }
}

extension RopeScaling {
    /// How many tokens the scaling makes of a model's own context of `length`.
    package func stretched(_ length: Int) -> Int {
        let stretched: Double =
            switch self {
            case .linear(let factor), .dynamic(let factor): factor * Double(length)
            case .yarn(let yarn): yarn.factor * Double(yarn.originalContextLength)
            case .llama3(let factor, _, _, let original): factor * Double(original)
            case .longrope(_, _, let factor, _, let original): (factor ?? 1) * Double(original)
            case .none: Double(length)
            }
        return stretched < 0x1p62 ? max(length, Int(stretched)) : length
    }
}

extension RopeScaling {
    /// The scaling as `--rope-scaling` takes it, with what was left to the defaults left out: `yarn:factor=4,…`, `none`.
    package var spelling: String {
        func spelled(_ type: String, _ values: [(key: String, value: Double?)]) -> String {
            let given = values.compactMap { key, value in value.map { "\(key)=\(describeNumber($0))" } }
            return given.isEmpty ? type : "\(type):\(given.joined(separator: ","))"
        }
        switch self {
        case .none: return "none"
        case .linear(let factor): return spelled("linear", [("factor", factor)])
        case .dynamic(let factor): return spelled("dynamic", [("factor", factor)])
        case .yarn(let yarn):
            let text = spelled(
                "yarn",
                [
                    ("factor", yarn.factor), ("original_max_position_embeddings", Double(yarn.originalContextLength)),
                    ("beta_fast", yarn.betaFast == 32 ? nil : yarn.betaFast),
                    ("beta_slow", yarn.betaSlow == 1 ? nil : yarn.betaSlow),
                    ("attention_factor", yarn.attentionFactor), ("mscale", yarn.mscale),
                    ("mscale_all_dim", yarn.mscaleAllDim),
                ])
            return yarn.truncate ? text : text + ",truncate=false"
        case .llama3(let factor, let low, let high, let original):
            return spelled(
                "llama3",
                [
                    ("factor", factor), ("original_max_position_embeddings", Double(original)),
                    ("low_freq_factor", low), ("high_freq_factor", high),
                ])
        case .longrope(_, _, let factor, let attention, let original):
            return spelled(
                "longrope",
                [
                    ("factor", factor), ("attention_factor", attention),
                    ("original_max_position_embeddings", Double(original)),
                ])
        }
    }
}
