import LensData
import LensModels
import LensSupport

/// Gives the losses by which key tokens are told: of each prediction under the long context and under the short one.
package final class KeyTokenEvaluator {
    private enum Kind {
        /// A model's pass that takes a whole sequence; the evaluated model itself where `isOwn`.
        case model(InferencePass, WindowPlan, bosToken: Int32?, isOwn: Bool)
        case file(ScoreFile)
    }

    private let kind: Kind

    private init(_ kind: Kind) { self.kind = kind }

    /// The evaluated model itself: its long losses are known.
    ///
    /// - Parameters:
    ///   - windows: of a whole sequence under the short context.
    ///   - bosToken: begins every window of a sequence that begins with it.
    package static func own(_ pass: InferencePass, windows: WindowPlan, bosToken: Int32?) -> KeyTokenEvaluator {
        KeyTokenEvaluator(.model(pass, windows, bosToken: bosToken, isOwn: true))
    }

    /// Another model, by a pass that takes a whole sequence.
    package static func model(_ pass: InferencePass, windows: WindowPlan, bosToken: Int32?) -> KeyTokenEvaluator {
        KeyTokenEvaluator(.model(pass, windows, bosToken: bosToken, isOwn: false))
    }

    /// The evaluated model, whose losses under a short context a file holds.
    package static func file(_ file: ScoreFile) -> KeyTokenEvaluator { KeyTokenEvaluator(.file(file)) }

    /// Whether anything is short about the context of a sequence's last tokens: else none of them can be a key token.
    /// Always of a file, which need not say its context.
    package func isShort(_ sequence: TokenSequence) -> Bool {
        switch kind {
        case .model(_, let windows, _, _): sequence.tokens.count > windows.context
        case .file: true
        }
    }

    /// `.data` for a sequence that the file does not have, and for a loss that is not finite.
    ///
    /// - Parameters:
    ///   - evaluated: the losses of the sequence's predictions under the evaluated model.
    ///   - afterLayer: called after each layer that is computed; what it throws ends the work.
    package func losses(
        of sequence: TokenSequence, evaluated: [Float], afterLayer: () throws(LensError) -> Void
    ) throws(LensError) -> (long: [Float], short: [Float]) {
        switch kind {
        case .file(let file): return (evaluated, try file.losses(for: sequence))
        case .model(let pass, let windows, let bosToken, let isOwn):
            // The same context either way: there is nothing to compare.
            guard isShort(sequence) else { return (evaluated, evaluated) }
            let long =
                isOwn
                ? evaluated
                : try pass.windowedLosses(
                    sequence, context: sequence.tokens.count, stride: nil, bosToken: bosToken
                ) { (_) throws(LensError) in try afterLayer() }
            let short = try pass.windowedLosses(
                sequence, context: windows.context, stride: windows.stride, bosToken: bosToken,
                longOfFirstWindows: long
            ) { (_) throws(LensError) in try afterLayer() }
            return (long, short)
        }
    }
}
