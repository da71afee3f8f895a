#if canImport(Darwin)
    import Foundation
#else
    // The standard library's own canonical forms: Foundation's would bring all of its locale data into statically
    // linked programs.
    @_spi(_Unicode) import Swift
#endif

/// The steps of normalization that go by what Unicode says of each character.
enum CharacterRewriting {
    /// False when `text` surely stays as it is.
    static func changes(_ text: [UInt8], _ step: NormalizerStep) -> Bool {
        switch step {
        // Characters below U+0300 (lead bytes below 0xCC) are composed already.
        case .nfc: text.contains { $0 >= 0xCC }
        case .nfd, .nfkc, .nfkd, .stripAccents: text.contains { $0 >= 0x80 }
        default: true
        }
    }

    /// Appends `text` as `step` rewrites it.
    static func append(_ text: String, by step: NormalizerStep, to result: inout [UInt8]) {
        switch step {
        case .nfc: appendComposed(text, to: &result)
        case .nfd: for scalar in decomposed(text) { append(scalar, to: &result) }
        case .nfkc: appendComposed(compatible(text), to: &result)
        case .nfkd: for scalar in decomposed(compatible(text)) { append(scalar, to: &result) }
        case .lowercase:
            for scalar in text.unicodeScalars { result.append(contentsOf: scalar.properties.lowercaseMapping.utf8) }
        case .stripAccents:
            for scalar in text.unicodeScalars where !isMark(scalar) { append(scalar, to: &result) }
        case .bert(let bert): appendBERT(text, bert, to: &result)
        case .prepend, .replace, .replacePattern, .strip: result.append(contentsOf: text.utf8)
        }
    }

    private static func append(_ scalar: Unicode.Scalar, to result: inout [UInt8]) {
        if let bytes = UTF8.encode(scalar) { result.append(contentsOf: bytes) }
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    // MARK: Normalization forms

    private static func appendComposed(_ text: String, to result: inout [UInt8]) {
        #if canImport(Darwin)
            result.append(contentsOf: text.precomposedStringWithCanonicalMapping.utf8)
        #else
            for scalar in text._nfc { append(scalar, to: &result) }
        #endif
    }

    private static func decomposed(_ text: String) -> [Unicode.Scalar] {
        #if canImport(Darwin)
            Array(text.decomposedStringWithCanonicalMapping.unicodeScalars)
        #else
            Array(text._nfd)
        #endif
    }

    /// Characters by code point, in place of those that only differ from them in appearance.
    private static let compatibility: [UInt32: [UInt32]] = {
        var table: [UInt32: [UInt32]] = [:]
        for entry in "\(CompatibilityMappings.text)".split(separator: " ") {
            let sides = entry.split(separator: "=")
            let run = sides[0].split(separator: "*").map(String.init)
            let mapping = sides[1].split(separator: "+").compactMap { UInt32($0, radix: 16) }
            guard let first = UInt32(run[0], radix: 16) else { continue }
            for offset in 0..<(run.count > 1 ? UInt32(run[1]) ?? 1 : 1) {
                table[first + offset] = mapping.count == 1 ? [mapping[0] + offset] : mapping
            }
        }
        return table
    }()

    /// `text` with compatibility characters decomposed; the rest of decomposition is canonical.
    private static func compatible(_ text: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            guard scalar.value >= 0x80, let mapping = compatibility[scalar.value] else {
                scalars.append(scalar)
                continue
            }
            scalars.append(contentsOf: mapping.compactMap(Unicode.Scalar.init))
        }
        return String(scalars)
    }

    // MARK: BERT

    private static func appendBERT(_ text: String, _ step: BERTNormalization, to result: inout [UInt8]) {
        var scalars: [Unicode.Scalar] = []
        for scalar in text.unicodeScalars {
            var scalar = scalar
            if step.cleansText {
                if isRemovedByBERT(scalar) { continue }
                if scalar.properties.isWhitespace { scalar = " " }
            }
            if step.separatesIdeographs, isIdeograph(scalar) {
                scalars += [" ", scalar, " "]
            } else {
                scalars.append(scalar)
            }
        }
        if step.stripsAccents {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: scalars)
            scalars = decomposed(String(view)).filter { $0.properties.generalCategory != .nonspacingMark }
        }
        for scalar in scalars {
            if step.lowercases {
                result.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
            } else {
                append(scalar, to: &result)
            }
        }
    }

    private static func isRemovedByBERT(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\t", "\n", "\r": return false
        case "\0", "\u{FFFD}": return true
        default: break
        }
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: return true
        default: return false
        }
    }

    /// What BERT takes for a Chinese character.
    private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}
