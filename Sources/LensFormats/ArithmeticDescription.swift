extension ModelConfiguration {
    /// Everything that the arithmetic depends on, as text: two equal texts are two equal computations.
    package var arithmeticDescription: String {
        var text =
            "\(family.rawValue) \(normEpsilon) \(ropeTheta) \(ropeScaling) \(tiedEmbeddings) \(headCount) "
            + "\(keyValueHeadCount) \(headDimension)"
        if let ropeFrequencyFactors { text += " \(ropeFrequencyFactors)" }
        if ropeAttentionFactor != 1 { text += " attention \(ropeAttentionFactor)" }
        if case .dynamic = ropeScaling { text += " \(contextLength)" }
        for parameter in parameters { text += "\n\(parameter.name) \(parameter.shape)" }
        return text
    }
}
