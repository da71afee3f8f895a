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
        var values = try OptionValues("--rope-scaling", spec)
        let type = values.name
        let original = { (values: inout OptionValues) throws(LensError) -> Int in
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
        try values.finish()
        return scaling
    }

    private static func yarn(_ values: inout OptionValues, _ original: Int) throws(LensError) -> YarnScaling {
        var yarn = YarnScaling(factor: try values.factor(), originalContextLength: original)
        yarn.betaFast = try values.positive("beta_fast") ?? yarn.betaFast
        yarn.betaSlow = try values.positive("beta_slow") ?? yarn.betaSlow
        yarn.attentionFactor = try values.positive("attention_factor")
        yarn.mscale = try values.positive("mscale")
        yarn.mscaleAllDim = try values.positive("mscale_all_dim")
        yarn.truncate = try values.bool("truncate") ?? yarn.truncate
        return yarn
    }
}
