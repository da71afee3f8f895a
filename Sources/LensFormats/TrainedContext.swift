extension ModelConfiguration {
    /// The longest context that the model was made for: the one it states, or as far as its rotary scaling stretches an
    /// original one.
    public var trainedContextLength: Int {
        switch ropeScaling {
        // What a file states beside `linear` and `llama3` is the stretched context.
        case .yarn, .dynamic: max(contextLength, ropeScaling.stretched(contextLength))
        default: contextLength
        }
    }

    /// A warning where `length` tokens are seen together and the model was made for fewer; nil where that is fine.
    public func warning(contextLength length: Int) -> String? {
        guard length > trainedContextLength else { return nil }
        return
            "A context of \(length) tokens is past the \(trainedContextLength) that the model was made for, and its rotary "
            + "frequencies stay as they are: it was never trained on the positions beyond."
    }
}

extension RopeScaling {
    /// How many tokens the scaling makes of a model's own context of `length`.
    public func stretched(_ length: Int) -> Int {
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
