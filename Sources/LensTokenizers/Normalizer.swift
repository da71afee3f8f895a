#if canImport(Darwin)
    import Foundation
#else
    // The standard library's own canonical composition: Foundation's would bring all of its locale data into
    // statically linked programs.
    @_spi(_Unicode) import Swift
#endif

/// Text normalization of a tokenizer, before pre-tokenization.
struct Normalizer: Sendable {
    let steps: [NormalizerStep]

    func apply(_ text: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count + 3)
        for index in 0..<text.count { result.append(text[index]) }
        for step in steps {
            switch step {
            case .nfc: result = Self.composed(result)
            case .prepend(let prefix): if !result.isEmpty { result.insert(contentsOf: prefix, at: 0) }
            case .replace(let old, let new): result = Self.replacing(old, with: new, in: result)
            }
        }
        return result
    }

    func apply(_ text: [UInt8]) -> [UInt8] { apply(text.span) }

    /// Normalization form C of the well-formed parts of `text`; malformed bytes stay.
    static func composed(_ text: [UInt8]) -> [UInt8] {
        // Characters below U+0300 (lead bytes below 0xCC) are composed already.
        guard text.contains(where: { $0 >= 0xCC }) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var start = 0
        while start < text.count {
            let valid = UTF8Scan.endOfValid(text.span, from: start)
            if valid > start { appendComposed(String(decoding: text[start..<valid], as: UTF8.self), to: &result) }
            let invalid = UTF8Scan.endOfInvalid(text.span, from: valid)
            result.append(contentsOf: text[valid..<invalid])
            start = invalid
        }
        return result
    }

    private static func appendComposed(_ text: String, to result: inout [UInt8]) {
        #if canImport(Darwin)
            result.append(contentsOf: text.precomposedStringWithCanonicalMapping.utf8)
        #else
            for scalar in text._nfc { if let bytes = UTF8.encode(scalar) { result.append(contentsOf: bytes) } }
        #endif
    }

    private static func replacing(_ old: [UInt8], with new: [UInt8], in text: [UInt8]) -> [UInt8] {
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
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }
}
