import LensSupport

/// Text normalization of a tokenizer, before pre-tokenization.
struct Normalizer: Sendable {
    /// A step with its pattern compiled.
    private enum Compiled: Sendable {
        case replacePattern(Pattern, with: [UInt8])
        case other(NormalizerStep)
    }

    private let steps: [Compiled]

    /// `file` is for messages.
    init(_ steps: [NormalizerStep], file: String) throws(LensError) {
        var compiled: [Compiled] = []
        for step in steps {
            if case .replacePattern(let pattern, let content) = step {
                compiled.append(.replacePattern(try Pattern(pattern, file: file), with: content))
            } else {
                compiled.append(.other(step))
            }
        }
        self.steps = compiled
    }

    var isEmpty: Bool { steps.isEmpty }

    /// `.data` when the text grows past the session's budget.
    func apply(_ text: Span<UInt8>, _ session: inout EncodingSession) throws(LensError) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 3)
        for index in 0..<text.count { result.append(text[index]) }
        for step in steps {
            let limit = session.budget.bytesLeft
            switch step {
            case .replacePattern(let pattern, let new):
                result = try Self.replacing(pattern, with: new, in: result, limit: limit, &session)
            case .other(.prepend(let prefix)): if !result.isEmpty { result.insert(contentsOf: prefix, at: 0) }
            case .other(.replace(let old, let new)):
                guard let replaced = Self.replacing(old, with: new, in: result, limit: limit) else {
                    throw DocumentBudget.grown()
                }
                result = replaced
            case .other(.strip(let left, let right)): result = Self.stripped(result, left, right)
            case .other(let step): result = Self.rewritten(result, by: step)
            }
            guard result.count <= limit else { throw DocumentBudget.grown() }
        }
        try session.budget.take(bytes: result.count)
        session.budget.add(byteCount: result.count)
        return result
    }

    /// `text` with every `old` replaced; nil when it gets longer than `limit`.
    static func replacing(_ old: [UInt8], with new: [UInt8], in text: [UInt8], limit: Int = .max) -> [UInt8]? {
        guard let first = old.first, text.contains(first) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2)
        var index = 0
        while index < text.count {
            if text[index] == first, index + old.count <= text.count,
                old.count == 1 || text[index..<index + old.count].elementsEqual(old)
            {
                result.append(contentsOf: new)
                index += old.count
                guard result.count <= limit else { return nil }
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func replacing(
        _ pattern: Pattern, with new: [UInt8], in text: [UInt8], limit: Int, _ session: inout EncodingSession
    ) throws(LensError) -> [UInt8] {
        session.budget.add(byteCount: text.count)
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for stretch in UTF8Scan.stretches(text.span) {
            let part = text.span.extracting(stretch.range)
            var done = 0
            var from = 0
            while stretch.isValid, let match = try pattern.match(part, from: from, session.regex, &session.budget) {
                result.append(
                    contentsOf: text[stretch.range.lowerBound + done..<stretch.range.lowerBound + match.lowerBound])
                result.append(contentsOf: new)
                guard result.count <= limit else { throw DocumentBudget.grown() }
                done = match.upperBound
                from = match.isEmpty ? done + UTF8Scan.step(part, at: done) : done
            }
            result.append(contentsOf: text[stretch.range.lowerBound + done..<stretch.range.upperBound])
        }
        return result
    }

    private static func stripped(_ text: [UInt8], _ left: Bool, _ right: Bool) -> [UInt8] {
        var start = 0
        if left { start = UTF8Scan.endOfWhiteSpace(text.span, from: 0) }
        let end = right ? UTF8Scan.startOfWhiteSpace(text.span, endingAt: text.count, limit: start) : text.count
        return Array(text[start..<end])
    }

    /// Rewrites the well-formed parts of `text`; malformed bytes stay.
    private static func rewritten(_ text: [UInt8], by step: NormalizerStep) -> [UInt8] {
        guard CharacterRewriting.changes(text, step) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for stretch in UTF8Scan.stretches(text.span) {
            if stretch.isValid {
                CharacterRewriting.append(String(decoding: text[stretch.range], as: UTF8.self), by: step, to: &result)
            } else {
                result.append(contentsOf: text[stretch.range])
            }
        }
        return result
    }
}
