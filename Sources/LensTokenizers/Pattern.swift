import CPCRE2
import LensSupport

/// Scratch of PCRE2 matching: one per encoding call.
///
/// Sendable because one call at a time owns it: `Tokenizer` hands its sessions out and takes them back under a lock.
@safe
final class RegexScratch: @unchecked Sendable {
    fileprivate let matchData: OpaquePointer?
    fileprivate let context: OpaquePointer?
    private let stack: OpaquePointer?

    init() {
        unsafe matchData = pcre2_match_data_create_8(1, nil)
        unsafe context = pcre2_match_context_create_8(nil)
        unsafe stack = pcre2_jit_stack_create_8(32 << 10, 8 << 20, nil)
        if let context = unsafe context, let stack = unsafe stack {
            unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
        }
        // In KiB: what the interpreter may take where there is no compiled code or its stack is too small.
        if let context = unsafe context { _ = unsafe pcre2_set_heap_limit_8(context, 512 << 10) }
    }

    deinit {
        unsafe pcre2_match_data_free_8(matchData)
        unsafe pcre2_match_context_free_8(context)
        unsafe pcre2_jit_stack_free_8(stack)
    }
}

/// A regular expression on UTF-8 with Unicode properties, compiled to machine code where PCRE2 can.
@safe
final class Pattern: @unchecked Sendable {
    // Sendable because PCRE2's compiled patterns are only read after compilation.
    private let code: OpaquePointer
    private let source: String

    /// Compiles `source`, written in the dialect of tokenizer.json (Oniguruma's). `file` is for messages.
    init(_ source: String, file: String) throws(LensError) {
        self.source = source
        let translated = try RegexTranslation.translate(source, file: file)
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
                "\(file): the pre-tokenizer pattern \(source) is not one that can be used: \(Self.message(errorCode)) "
                    + "at offset \(errorOffset) of \(translated).")
        }
        unsafe code = compiled
        // Without JIT (not built in, or no executable memory) matching is interpreted: slower, the same.
        _ = unsafe pcre2_jit_compile_8(compiled, PCRE2_JIT_COMPLETE)
    }

    deinit { unsafe pcre2_code_free_8(code) }

    /// The next match at or after `start` in `text`, which must be well-formed UTF-8, or nil.
    @inline(__always)
    func match(_ text: Span<UInt8>, from start: Int, _ scratch: RegexScratch) throws(LensError) -> Range<Int>? {
        guard start < text.count else { return nil }
        var result = run(text, start, PCRE2_NO_UTF_CHECK, scratch)
        if result == PCRE2_ERROR_JIT_STACKLIMIT {
            result = run(text, start, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch)
        }
        if result >= 0 {
            guard let vector = unsafe pcre2_get_ovector_pointer_8(scratch.matchData) else { return nil }
            let lower = Int(unsafe vector[0])
            // \K may put the start behind the end; the translation refuses it.
            return lower..<max(lower, Int(unsafe vector[1]))
        }
        if result == PCRE2_ERROR_NOMATCH { return nil }
        throw .data(
            "The pre-tokenizer pattern \(source) cannot be matched at byte \(start) of \(text.count) bytes of text: "
                + "\(Self.message(result)). A pattern with nested repetition does this; the tokenizer file is at fault."
        )
    }

    @inline(__always)
    private func run(_ text: Span<UInt8>, _ start: Int, _ options: UInt32, _ scratch: RegexScratch) -> Int32 {
        unsafe text.withUnsafeBufferPointer {
            unsafe pcre2_match_8(code, $0.baseAddress, $0.count, start, options, scratch.matchData, scratch.context)
        }
    }

    private static func message(_ code: Int32) -> String {
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = unsafe buffer.withUnsafeMutableBufferPointer {
            unsafe pcre2_get_error_message_8(code, $0.baseAddress, $0.count)
        }
        return count > 0 ? String(decoding: buffer.prefix(Int(count)), as: UTF8.self) : "PCRE2 error \(code)"
    }
}
