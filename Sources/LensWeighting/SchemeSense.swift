import LensSupport

extension WeightingScheme {
    /// Throws `.usage` for a scheme that training can make no sense of, and returns what is doubtful about it, one
    /// paragraph each.
    ///
    /// - Parameter selfScored: true when the short-context losses come from the trained model itself.
    public func checkTraining(selfScored: Bool) throws(LensError) -> [String] {
        guard case .pipeline(let pipeline) = rule else { return [] }
        if selfScored && pipeline.isExcessLoss {
            let advice =
                "its excess loss l - l_reference compares the trained model with another one. Give --scorer a reference "
                + "model, or a score file of it."
            if description.hasPrefix("rho") {
                throw .usage("The scheme \(description) has no meaning with the scorer self: \(advice)")
            }
            return [
                "The scheme \(description) with the scorer self keeps the tokens that the long context hurts: \(advice)"
            ]
        }
        let least = pipeline.leastWeight
        guard least < 0 else { return [] }
        guard least.isFinite else {
            throw .usage(
                "The scheme \(description) gives tokens negative weights without a bound, so that training would raise "
                    + "their losses. Make the values positive: transforms=absolute, transforms=minus+exp, "
                    + "transforms=minus+max, normalization=softmax or sparsification.")
        }
        return [
            "The scheme \(description) can give tokens negative weights: training then raises their losses. "
                + "A max at the end of its transforms keeps weights from falling below 0."
        ]
    }
}

extension Pipeline {
    /// True when the tokens with the greatest l_long − l_short are kept, whatever its sign: the scheme of Rho-1.
    var isExcessLoss: Bool {
        comparison == .difference && transforms.isEmpty && truncation == nil && sparsification != nil
    }

    /// A bound that no weight lies below; −∞ when there is none.
    var leastWeight: Double {
        // What is kept counts 1, the rest 0; a softmax is positive.
        if sparsification != nil || normalization == .softmax { return 0 }
        var (least, greatest) = comparison == .difference ? (-Double.infinity, Double.infinity) : (0, .infinity)
        for transform in transforms {
            switch transform {
            case .absolute:
                let ends = [abs(least), abs(greatest)]
                (least, greatest) = (least <= 0 && greatest >= 0 ? 0 : min(ends[0], ends[1]), max(ends[0], ends[1]))
            case .minus: (least, greatest) = (-greatest, -least)
            case .exp, .max, .shift: (least, greatest) = (transform(least), transform(greatest))
            }
        }
        if let truncation { least = min(least, truncation) }
        return least
    }
}
