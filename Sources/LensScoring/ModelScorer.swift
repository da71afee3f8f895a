import LensModels

/// A model scores tokens by its own losses.
extension InferencePass: TokenScorer {}
