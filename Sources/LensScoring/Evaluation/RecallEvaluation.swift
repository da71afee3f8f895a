import LensData
import LensModels
import LensSupport
import LensTokenizers

/// How well a model recalls the facts of generated documents: the loss of the asked values by their distance.
package struct RecallEvaluation {
    package private(set) var losses = BucketedLosses()
    package private(set) var documentCount = 0
    /// Tokens of the last document that the pass has seen.
    package private(set) var lastTokenCount = 0
    private let tokenizer: Tokenizer
    private let pass: InferencePass
    private let addsBOS: Bool?

    /// - Parameter addsBOS: whether documents begin with BOS; nil as the model has it.
    package init(tokenizer: Tokenizer, pass: InferencePass, addsBOS: Bool? = nil) {
        self.tokenizer = tokenizer
        self.pass = pass
        self.addsBOS = addsBOS
    }

    /// Adds the losses of a document's facts; those asked past the pass's context are left out.
    package mutating func add(_ document: RecallDocument) throws(LensError) {
        let text = Array(document.text.utf8)
        let all = try tokenizer.encode(text, addBOS: addsBOS, addEOS: false)
        let tokens = Array(all.prefix(pass.contextLength))
        lastTokenCount = tokens.count
        let starts = byteOffsets(of: all, textCount: text.count)
        let nll = try pass.finiteLosses(tokens)
        for fact in document.facts {
            guard let stated = Self.tokens(fact.stated, starts), let asked = Self.tokens(fact.asked, starts) else {
                throw .data("Document \(document.id) names a fact outside of its text.")
            }
            let distance = asked.lowerBound - stated.lowerBound
            guard distance > 0 else { throw .data("Document \(document.id) asks for a fact before it is stated.") }
            for token in asked where token > 0 && token < tokens.count { losses.add(nll[token - 1], at: distance) }
        }
        documentCount += 1
    }

    /// Where each token's bytes begin in the text, and the end after the last. BOS and an added first space lie before it.
    private func byteOffsets(of tokens: [Int32], textCount: Int) -> [Int] {
        var lengths = tokens.map { tokenizer.bytes(of: $0)?.count ?? 0 }
        if let first = tokens.first, first == tokenizer.bosToken { lengths[0] = 0 }
        var offset = textCount - lengths.reduce(0, +)
        var starts: [Int] = []
        for length in lengths {
            starts.append(offset)
            offset += length
        }
        return starts + [offset]
    }

    /// The tokens that overlap a byte range.
    private static func tokens(_ range: [Int], _ starts: [Int]) -> Range<Int>? {
        guard range.count == 2, range[0] >= 0, range[0] < range[1], let end = starts.last, range[1] <= end else {
            return nil
        }
        guard let last = starts.lastIndex(where: { $0 < range[1] }) else { return nil }
        guard let first = starts.lastIndex(where: { $0 <= range[0] }), first <= last else { return nil }
        return first..<last + 1
    }
}
