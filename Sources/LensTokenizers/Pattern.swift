import CPCRE2
import LensSupport

/// A regular expression on UTF-8 with Unicode properties, compiled to machine code where PCRE2 can.
@safe
final class Pattern: @unchecked Sendable {
    // Sendable because PCRE2's compiled patterns are only read after compilation.
    private let code: OpaquePointer
    private let source: String
    private let file: String

    /// Bytes that a match sees at first, and steps that it may take before the document is charged.
    private static let window = 512
    private static let freeSteps = 128

    /// Compiles `source`, written in the dialect of tokenizer.json (Oniguruma's). `file` is for messages.
    convenience init(_ source: String, file: String) throws(LensError) {
        try self.init(translated: RegexTranslation.translate(source, file: file), source: source, file: file)
    }

    /// Compiles a pattern in PCRE2's own dialect; `source` is what messages call it.
    init(translated: String, source: String, file: String) throws(LensError) {
        self.source = RegexTranslation.shortened(source)
        self.file = file
        var errorCode: Int32 = 0
        var errorOffset = 0
        let options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C
        let bytes = Array(translated.utf8)
        let context = unsafe pcre2_compile_context_create_8(nil)
        defer { unsafe pcre2_compile_context_free_8(context) }
        if let context = unsafe context {
            _ = unsafe pcre2_set_newline_8(context, UInt32(PCRE2_NEWLINE_LF))
            _ = unsafe pcre2_set_parens_nest_limit_8(context, 64)
        }
        let compiled = unsafe bytes.withUnsafeBufferPointer {
            unsafe pcre2_compile_8($0.baseAddress, $0.count, options, &errorCode, &errorOffset, context)
        }
        guard let compiled = unsafe compiled else {
            throw .data(
                "\(file): the pattern \(self.source) is not one that can be used: \(Self.message(errorCode)) "
                    + "at offset \(errorOffset) of \(RegexTranslation.shortened(translated)).")
        }
        unsafe code = compiled
        // Without JIT (not built in, or no executable memory) matching is interpreted: slower, the same.
        _ = unsafe pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD)
    }

    deinit { unsafe pcre2_code_free_8(code) }

    /// The next match at or after `start` in `text`, which must be well-formed UTF-8, or nil.
    ///
    /// Looks at a window of the text that grows while a match would read past its end, so that what a match costs is
    /// known and charged to `budget`. `.data` when that is spent.
    @inline(__always)
    func match(
        _ text: Span<UInt8>, from start: Int, _ scratch: RegexScratch, _ budget: inout DocumentBudget
    ) throws(LensError) -> Range<Int>? {
        var start = start
        while start < text.count {
            let end = Self.windowEnd(text, start, Self.window)
            let result = try run(text, start..<end, 0, scratch, &budget)
            if result >= 0 { return scratch.range }
            if result == PCRE2_ERROR_PARTIAL {
                start = scratch.range.lowerBound
                if let match = try longMatch(text, at: start, scratch, &budget) { return match }
                start += max(1, UTF8Scan.characterLength(text, at: start))
            } else {
                start = end
            }
        }
        return nil
    }

    /// The match that begins at `start` and does not fit the window, if there is one.
    private func longMatch(
        _ text: Span<UInt8>, at start: Int, _ scratch: RegexScratch, _ budget: inout DocumentBudget
    ) throws(LensError) -> Range<Int>? {
        var size = Self.window
        while true {
            size *= 4
            let end = Self.windowEnd(text, start, size)
            guard budget.take(steps: end - start) else { throw spent(start, text.count) }
            let result = try run(text, start..<end, PCRE2_ANCHORED, scratch, &budget)
            if result >= 0 { return scratch.range }
            if result != PCRE2_ERROR_PARTIAL { return nil }
        }
    }

    /// A border of characters at most `size` bytes after `start`.
    @inline(__always)
    private static func windowEnd(_ text: Span<UInt8>, _ start: Int, _ size: Int) -> Int {
        guard text.count - start > size else { return text.count }
        var end = start + size
        while text[end] & 0xC0 == 0x80 { end -= 1 }
        return end
    }

    /// PCRE2's result: at least 0, no match, or (for a window that ends before the text) a partial one.
    @inline(__always)
    private func run(
        _ text: Span<UInt8>, _ window: Range<Int>, _ more: UInt32, _ scratch: RegexScratch,
        _ budget: inout DocumentBudget
    ) throws(LensError) -> Int32 {
        let options = PCRE2_NO_UTF_CHECK | more | (window.upperBound < text.count ? PCRE2_PARTIAL_HARD : 0)
        scratch.limit(steps: Self.freeSteps)
        let result = call(text, window, options, scratch)
        if result >= PCRE2_ERROR_PARTIAL { return result }
        return try runLonger(text, window, options, result, scratch, &budget)
    }

    /// Goes on with what a first try did not end: with more steps while the budget has them, without machine code
    /// where its stack is too small.
    private func runLonger(
        _ text: Span<UInt8>, _ window: Range<Int>, _ options: UInt32, _ first: Int32, _ scratch: RegexScratch,
        _ budget: inout DocumentBudget
    ) throws(LensError) -> Int32 {
        var (options, result, steps) = (options, first, Self.freeSteps)
        while result < PCRE2_ERROR_PARTIAL {
            switch result {
            case PCRE2_ERROR_MATCHLIMIT:
                steps *= 4
                guard budget.take(steps: steps) else { throw spent(window.lowerBound, text.count) }
                scratch.limit(steps: steps)
            case PCRE2_ERROR_JIT_STACKLIMIT: options |= PCRE2_NO_JIT
            default: throw failed(window.lowerBound, text.count, Self.message(result))
            }
            result = call(text, window, options, scratch)
        }
        return result
    }

    @inline(__always)
    private func call(
        _ text: Span<UInt8>, _ window: Range<Int>, _ options: UInt32, _ scratch: RegexScratch
    ) -> Int32 {
        unsafe text.withUnsafeBufferPointer {
            unsafe pcre2_match_8(
                code, $0.baseAddress, window.upperBound, window.lowerBound, options, scratch.matchData, scratch.context)
        }
    }

    private func spent(_ start: Int, _ count: Int) -> LensError {
        failed(start, count, "it takes more steps than the document's length allows")
    }

    private func failed(_ start: Int, _ count: Int, _ why: String) -> LensError {
        .data(
            "the pattern \(source) of \(file) cannot be matched at byte \(start) of \(count) bytes of text: \(why). "
                + "Either the text goes on there for very long without a place to cut (letters or blanks without a break: "
                + "break it into documents or lines), or the pattern repeats within a repetition.")
    }

    private static func message(_ code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe pcre2_get_error_message_8(code, $0.baseAddress, $0.count)
        }
        return count > 0 ? String(decoding: buffer.prefix(Int(count)), as: UTF8.self) : "PCRE2 error \(code)"
    }
}
