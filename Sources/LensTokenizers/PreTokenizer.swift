import LensSupport

/// Cuts normalized text into words, step by step, and hands them to an encoder.
struct PreTokenizer: Sendable {
    private enum Step: Sendable {
        case isolate(Pattern)
        case split(Pattern, SplitBehavior, inverted: Bool)
        case prefixSpace
        case metaspace(PrependScheme, splits: Bool)
        /// Bytes become the characters that spell them: what steps after ByteLevel see.
        case spellBytes
    }

    private let steps: [Step]
    private let encoder: WordEncoder
    private let patternCount: Int
    /// Words come out of the steps spelled.
    private let isSpelled: Bool

    /// Compiles the patterns. `file` is for messages.
    init(_ definition: [PreTokenizerStep], encoder: WordEncoder, file: String) throws(LensError) {
        var steps: [Step] = []
        var spells = false
        for (index, step) in definition.enumerated() {
            switch step {
            case .split(let pattern, .isolated, _): steps.append(.isolate(try Pattern(pattern, file: file)))
            case .split(let pattern, let behavior, let inverted):
                steps.append(.split(try Pattern(pattern, file: file), behavior, inverted: inverted))
            case .digits(let individual):
                steps.append(.isolate(try Pattern(individual ? #"\p{N}"# : #"\p{N}+"#, file: file)))
            case .byteLevel(let addsPrefixSpace, let usesRegex):
                if addsPrefixSpace { steps.append(.prefixSpace) }
                if usesRegex { steps.append(.isolate(try Pattern(PublishedPattern.gpt2, file: file))) }
                guard !spells else { throw .data("\(file): the pre_tokenizer has ByteLevel twice.") }
                if index + 1 < definition.count {
                    steps.append(.spellBytes)
                    spells = true
                }
            case .metaspace(let scheme, let splits): steps.append(.metaspace(scheme, splits: splits))
            case .unicodeScripts: steps.append(.split(try UnicodeScripts.pattern(file: file), .removed, inverted: true))
            }
        }
        self.steps = steps
        self.encoder = encoder
        isSpelled = spells
        patternCount = steps.count {
            switch $0 {
            case .isolate, .split: true
            default: false
            }
        }
    }

    /// Appends the ids of `text` to the session's output. `isFirst`: it begins the document.
    ///
    /// Patterns only see well-formed text; malformed bytes between are words of their own.
    func encode(_ text: Span<UInt8>, isFirst: Bool, isValid: Bool, _ session: inout EncodingSession) throws(LensError) {
        session.budget.add(byteCount: text.count * patternCount)
        if isValid || patternCount == 0 { return try encode(text, step: 0, isFirst, &session) }
        for stretch in UTF8Scan.stretches(text) {
            let part = text.extracting(stretch.range)
            if stretch.isValid {
                try encode(part, step: 0, isFirst && stretch.range.lowerBound == 0, &session)
            } else {
                encoder.encode(part, &session)
            }
        }
    }

    private func encode(_ text: Span<UInt8>, step: Int, _ isFirst: Bool, _ session: inout EncodingSession)
        throws(LensError)
    {
        guard step < steps.count else {
            finish(text, &session)
            return
        }
        switch steps[step] {
        case .isolate(let pattern): try isolate(text, pattern, step, isFirst, &session)
        case .split(let pattern, let behavior, let inverted):
            try split(text, pattern, behavior, inverted, step, isFirst, &session)
        case .prefixSpace:
            guard text.count > 0, text[0] != 0x20 else { return try encode(text, step: step + 1, isFirst, &session) }
            try session.budget.take(bytes: 1)
            var prefixed: [UInt8] = [0x20]
            prefixed.reserveCapacity(text.count + 1)
            for index in 0..<text.count { prefixed.append(text[index]) }
            try encode(prefixed.span, step: step + 1, isFirst, &session)
        case .spellBytes:
            var spelled: [UInt8] = []
            spelled.reserveCapacity(text.count * 2)
            for index in 0..<text.count { spelled.append(contentsOf: ByteAlphabet.spellings[Int(text[index])]) }
            session.budget.add(byteCount: spelled.count)
            try encode(spelled.span, step: step + 1, isFirst, &session)
        case .metaspace(let scheme, let splits):
            try metaspace(text, scheme, splits, step, isFirst, &session)
        }
    }

    /// Encodes a word.
    @inline(__always)
    private func finish(_ word: Span<UInt8>, _ session: inout EncodingSession) {
        guard word.count > 0 else { return }
        guard isSpelled else { return encoder.encode(word, &session) }
        let spelled = (0..<word.count).map { word[$0] }
        let bytes = ByteAlphabet.bytes(spelledBy: spelled) ?? spelled
        encoder.encode(bytes.span, &session)
    }

    /// Each match and each stretch between matches is a word; an empty match cuts where it is.
    private func isolate(
        _ text: Span<UInt8>, _ pattern: Pattern, _ step: Int, _ isFirst: Bool, _ session: inout EncodingSession
    ) throws(LensError) {
        let isLast = step + 1 == steps.count
        var done = 0
        var from = 0
        while let match = try pattern.match(text, from: from, session.regex, &session.budget) {
            if match.lowerBound > done {
                try encode(text.extracting(done..<match.lowerBound), step: step + 1, isFirst && done == 0, &session)
            }
            if isLast, !match.isEmpty {
                finish(text.extracting(match), &session)
            } else if !match.isEmpty {
                try encode(text.extracting(match), step: step + 1, isFirst && match.lowerBound == 0, &session)
            }
            done = match.upperBound
            from = match.isEmpty ? done + UTF8Scan.step(text, at: done) : done
        }
        if done < text.count {
            try encode(text.extracting(done..<text.count), step: step + 1, isFirst && done == 0, &session)
        }
    }

    /// The general split: matches and stretches between them are kept, dropped or joined.
    private func split(
        _ text: Span<UInt8>, _ pattern: Pattern, _ behavior: SplitBehavior, _ inverted: Bool, _ step: Int,
        _ isFirst: Bool, _ session: inout EncodingSession
    ) throws(LensError) {
        var parts: [(range: Range<Int>, isMatch: Bool)] = []
        var done = 0
        var from = 0
        while let match = try pattern.match(text, from: from, session.regex, &session.budget) {
            if match.lowerBound > done { parts.append((done..<match.lowerBound, inverted)) }
            parts.append((match, !inverted))
            done = match.upperBound
            from = match.isEmpty ? done + UTF8Scan.step(text, at: done) : done
        }
        if done < text.count { parts.append((done..<text.count, inverted)) }
        for range in behavior.join(parts) where !range.isEmpty {
            try encode(text.extracting(range), step: step + 1, isFirst && range.lowerBound == 0, &session)
        }
    }

    private func metaspace(
        _ text: Span<UInt8>, _ scheme: PrependScheme, _ splits: Bool, _ step: Int, _ isFirst: Bool,
        _ session: inout EncodingSession
    ) throws(LensError) {
        let mark = TokenizerDefinition.spaceMark
        var marked: [UInt8] = []
        marked.reserveCapacity(text.count + text.count / 2 + 3)
        for index in 0..<text.count {
            if text[index] == 0x20 { marked.append(contentsOf: mark) } else { marked.append(text[index]) }
        }
        let prepends = scheme == .always || (scheme == .first && isFirst)
        if prepends, !marked.isEmpty, !marked.starts(with: mark) { marked.insert(contentsOf: mark, at: 0) }
        try session.budget.take(bytes: marked.count - text.count)
        guard splits else { return try encode(marked.span, step: step + 1, isFirst, &session) }
        var start = 0
        var index = 1
        while index + 2 < marked.count {
            if marked[index] == mark[0], marked[index + 1] == mark[1], marked[index + 2] == mark[2] {
                try encode(marked.span.extracting(start..<index), step: step + 1, isFirst && start == 0, &session)
                start = index
            }
            index += 1
        }
        try encode(marked.span.extracting(start..<marked.count), step: step + 1, isFirst && start == 0, &session)
    }
}

extension SplitBehavior {
    /// The ranges that remain, as in the `tokenizers` library.
    func join(_ parts: [(range: Range<Int>, isMatch: Bool)]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var previousWasMatch = false
        switch self {
        case .isolated: return parts.map(\.range)
        case .removed: return parts.filter { !$0.isMatch }.map(\.range)
        case .mergedWithPrevious:
            for part in parts {
                if part.isMatch, !previousWasMatch, let last = result.last {
                    result[result.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    result.append(part.range)
                }
                previousWasMatch = part.isMatch
            }
        case .mergedWithNext:
            for part in parts.reversed() {
                if part.isMatch, !previousWasMatch, let last = result.last {
                    result[result.count - 1] = part.range.lowerBound..<last.upperBound
                } else {
                    result.append(part.range)
                }
                previousWasMatch = part.isMatch
            }
            result.reverse()
        case .contiguous:
            for part in parts {
                if let last = result.last, part.isMatch == previousWasMatch {
                    result[result.count - 1] = last.lowerBound..<part.range.upperBound
                } else {
                    result.append(part.range)
                }
                previousWasMatch = part.isMatch
            }
        }
        return result
    }
}
