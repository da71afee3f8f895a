import LensSupport

/// How a document is cut into overlapping windows, so that every token is scored under at most `context` tokens
/// (Helm, Daheim and Gurevych, Findings of NAACL 2025).
///
/// Window k begins at token k·S, holds C tokens and gives the losses of its last S tokens; window 0 gives all of its
/// own. What is left at the end is scored by one last window that ends with the document. A document of at most C tokens
/// is one window. A token past the first window therefore sees between C − S and C − 1 tokens.
public struct WindowPlan: Sendable, Equatable {
    package struct Window: Sendable, Equatable {
        /// The document's tokens that it holds.
        package var tokens: Range<Int>
        /// Those whose losses it gives: its last ones.
        package var scored: Range<Int>
    }

    /// Tokens of the document.
    public let length: Int
    /// C: most tokens of a window.
    public let context: Int
    /// S: tokens from one window's beginning to the next one's.
    public let stride: Int

    /// Throws `.usage` for a length below 1, a context below 2 or a stride outside 1…C − 1.
    ///
    /// - Parameters:
    ///   - length: tokens of the document, at least 1.
    ///   - stride: S; nil takes `defaultStride(context:length:)` for `chunk` or else `length`.
    ///   - chunk: length L of the sequences that documents were cut into, if they were.
    public init(length: Int, context: Int, stride: Int? = nil, chunk: Int? = nil) throws(LensError) {
        guard length >= 1 else { throw .usage("A document of \(length) tokens cannot be.") }
        guard context >= 2 else {
            throw .usage("A context of \(context) tokens predicts nothing; it must be at least 2.")
        }
        let stride = stride ?? Self.defaultStride(context: context, length: chunk ?? length)
        guard stride >= 1 && stride < context else {
            throw .usage(
                "A stride of \(stride) tokens does not go with a context of \(context): it must be from 1 to "
                    + "\(context - 1), so that every token has one to its left in its window.")
        }
        self.length = length
        self.context = context
        self.stride = stride
    }

    /// (1 − C/L)·C where that is a positive whole number, which makes windows end with the sequence at the cost of L/C − 1
    /// further passes; C/4·3 otherwise.
    package static func defaultStride(context: Int, length: Int) -> Int {
        let (square, overflow) = context.multipliedReportingOverflow(by: context)
        if !overflow && length > context && square % length == 0 { return context - square / length }
        return max(1, context / 4 * 3)
    }

    /// The windows of a scorer for sequences of `length` tokens, of which it must see less than the whole.
    ///
    /// `.usage` for a context that covers a whole sequence, and as ``init(length:context:stride:chunk:)``.
    package static func ofScorer(length: Int, context: Int, stride: Int?) throws(LensError) -> WindowPlan {
        let plan = try WindowPlan(length: length, context: context, stride: stride)
        guard plan.count > 1 else {
            throw .usage(
                "The scorer's context of \(context) tokens covers a whole sequence of \(length), so that "
                    + "nothing is short about it. Lower --scorer-context."
            )
        }
        return plan
    }

    /// The scorer's context when none is given: what the model was trained for, when sequences of `length` tokens go past
    /// it (the paper's 8192 of 32768); else a quarter of the length.
    package static func defaultScorerContext(length: Int, trainedFor: Int) -> Int {
        trainedFor >= 2 && trainedFor < length ? trainedFor : max(2, length / 4)
    }

    /// Number of windows.
    public var count: Int { length <= context ? 1 : 1 + (length - context + stride - 1) / stride }

    /// Window `k`.
    package subscript(k: Int) -> Window {
        precondition(k >= 0 && k < count, "window \(k) of \(count)")
        let end = min(context + k * stride, length)
        let firstScored = k == 0 ? 1 : context + (k - 1) * stride
        return Window(tokens: max(0, end - context)..<end, scored: firstScored..<end)
    }

    /// Tokens that are computed together where windows are shorter: fewer leave the machine waiting for weights.
    package static let leastBatch = 2048

    /// Most tokens of the windows of a sequence that are computed together: as many as the context has, at least
    /// ``leastBatch``, and no more than a sequence of `length` tokens has.
    package static func batch(context: Int, length: Int = greatestCount) -> Int {
        min(max(context, leastBatch), length)
    }

    /// How many of the first windows give `count` losses in all; nil where no window ends there.
    package func windowCount(ofLosses count: Int) -> Int? {
        if count == 0 { return 0 }
        if count == length - 1 { return self.count }
        guard count >= context - 1, count < length, (count - (context - 1)) % stride == 0 else { return nil }
        return 1 + (count - (context - 1)) / stride
    }
}
