extension ModelConfiguration {
    /// The longest context that the model was made for: the one it states, or as far as its rotary scaling stretches an
    /// original one.
    public var trainedContextLength: Int {
        let stretched: Double =
            switch ropeScaling {
            case .yarn(let yarn): yarn.factor * Double(yarn.originalContextLength)
            case .dynamic(let factor): factor * Double(contextLength)
            default: 0
            }
        return stretched < 0x1p62 ? max(contextLength, Int(stretched)) : contextLength
    }

    /// A warning where `length` tokens are seen together and the model was made for fewer; nil where that is fine.
    public func warning(contextLength length: Int) -> String? {
        guard length > trainedContextLength else { return nil }
        return
            "A context of \(length) tokens is past the \(trainedContextLength) that the model was made for, and its rotary "
            + "frequencies stay as they are: it was never trained on the positions beyond."
    }
}
