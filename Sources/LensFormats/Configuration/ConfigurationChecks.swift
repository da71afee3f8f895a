import LensSupport

extension ModelConfiguration {
    /// Refuses sizes that no model has, so that what is computed from them can neither overflow nor exhaust memory.
    package func check(path: String) throws(LensError) {
        func check(_ name: String, _ value: Int, _ limit: Int) throws(LensError) {
            guard value >= 1, value <= limit else {
                throw .data("\(path): the \(name) is \(value), but must be from 1 to \(limit).")
            }
        }
        try check("vocabulary size", vocabularySize, 1 << 24)
        try check("hidden size", hiddenSize, 1 << 20)
        try check("feed-forward size", feedForwardSize, 1 << 22)
        try check("number of layers", layerCount, 1 << 12)
        try check("number of attention heads", headCount, 1 << 14)
        try check("number of key-value heads", keyValueHeadCount, 1 << 14)
        try check("dimension of a head", headDimension, 1 << 14)
        try check("context length", contextLength, 1 << 32)
        guard headCount.isMultiple(of: keyValueHeadCount) else {
            throw .data(
                "\(path): \(headCount) attention heads cannot share \(keyValueHeadCount) key-value heads evenly.")
        }
        guard headDimension.isMultiple(of: 2) else {
            throw .data("\(path): the dimension of a head is \(headDimension), but rotary positions need an even one.")
        }
        guard normEpsilon.isFinite, normEpsilon >= 0, normEpsilon < 1 else {
            throw .data(
                "\(path): the epsilon of the normalization is \(describeNumber(Double(normEpsilon))), which is not a small "
                    + "number.")
        }
        guard ropeTheta.isFinite, ropeTheta > 0 else {
            throw .data("\(path): the rotary base is \(describeNumber(ropeTheta)), but must be positive.")
        }
        for (name, token) in [("begin", bosToken), ("end", eosToken)] {
            if let token, token < 0 || token >= vocabularySize {
                throw .data(
                    "\(path): the \(name)-of-sequence token \(token) is not one of the \(vocabularySize) tokens.")
            }
        }
        guard ropeAttentionFactor.isFinite, ropeAttentionFactor > 0 else {
            throw .data(
                "\(path): the factor of the rotary attention is \(describeNumber(ropeAttentionFactor)), but must be "
                    + "positive.")
        }
        if let slidingWindow { try check("sliding window", slidingWindow, 1 << 32) }
        if let layer = fullAttentionLayers.first(where: { $0 < 0 || $0 >= layerCount }) {
            throw .data("\(path): there is no layer \(layer) that could attend to the whole context.")
        }
        // The largest sizes together would overflow what is computed from them.
        guard parameterCount <= 1 << 44 else {
            throw .data("\(path): the sizes make \(parameterCount) parameters, more than any model has.")
        }
        if let ropeFrequencyFactors {
            try ModelConfiguration.checkFactors(ropeFrequencyFactors.map(Double.init), headDimension, path)
        }
        try ropeScaling.check(headDimension: headDimension, path: path)
    }

    fileprivate static func checkFactors(_ factors: [Double], _ headDimension: Int, _ path: String) throws(LensError) {
        guard factors.count == headDimension / 2 else {
            throw .data(
                "\(path): there are \(factors.count) rotary frequency factors; half the dimension of a head, "
                    + "\(headDimension / 2), are needed.")
        }
        guard factors.allSatisfy({ $0.isFinite && $0 > 0 }) else {
            throw .data("\(path): the rotary frequency factors must be positive numbers.")
        }
    }
}

extension RopeScaling {
    func check(headDimension: Int, path: String) throws(LensError) {
        func positive(_ name: String, _ value: Double?) throws(LensError) {
            if let value, !(value.isFinite && value > 0) {
                throw .data(
                    "\(path): `\(name)` of the rotary scaling is \(describeNumber(value)), but must be positive.")
            }
        }
        switch self {
        case .none: break
        case .linear(let factor), .dynamic(let factor): try positive("factor", factor)
        case .yarn(let yarn):
            try positive("factor", yarn.factor)
            try positive("original_max_position_embeddings", Double(yarn.originalContextLength))
            try positive("beta_fast", yarn.betaFast)
            try positive("beta_slow", yarn.betaSlow)
            try positive("attention_factor", yarn.attentionFactor)
            for value in [yarn.mscale, yarn.mscaleAllDim] {
                guard value?.isFinite ?? true else { throw .data("\(path): `mscale` must be finite.") }
            }
        case .llama3(let factor, let low, let high, let original):
            try positive("factor", factor)
            try positive("low_freq_factor", low)
            try positive("original_max_position_embeddings", Double(original))
            guard high.isFinite, high > low else {
                throw .data("\(path): `high_freq_factor` must be larger than `low_freq_factor`.")
            }
        case .longrope(let short, let long, let factor, let attentionFactor, let original):
            try ModelConfiguration.checkFactors(short, headDimension, path)
            try ModelConfiguration.checkFactors(long, headDimension, path)
            try positive("factor", factor)
            try positive("attention_factor", attentionFactor)
            try positive("original_max_position_embeddings", Double(original))
        }
    }
}
