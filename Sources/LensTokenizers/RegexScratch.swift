import CPCRE2

/// Scratch of PCRE2 matching: one per encoding call.
///
/// Sendable because one call at a time owns it: `Tokenizer` hands its sessions out and takes them back under a lock.
@safe
final class RegexScratch: @unchecked Sendable {
    let matchData: OpaquePointer?
    let context: OpaquePointer?
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

    /// How many steps the next match may take before it gives up.
    @inline(__always)
    func limit(steps: Int) { _ = unsafe pcre2_set_match_limit_8(context, UInt32(clamping: steps)) }

    /// Where the last match, whole or partial, lies.
    @inline(__always)
    var range: Range<Int> {
        guard let vector = unsafe pcre2_get_ovector_pointer_8(matchData) else { return 0..<0 }
        let lower = Int(unsafe vector[0])
        // \K may put the start behind the end; the translation refuses it.
        return lower..<max(lower, Int(unsafe vector[1]))
    }
}
