import LensSupport

/// Translates a pattern from Oniguruma's Ruby dialect, which tokenizer.json is written in, to PCRE2's.
///
/// Both agree on most of the syntax; where they would silently differ (what `\s`, `\w`, `\v`, `\h` or a script
/// property mean), the pattern is rewritten or refused. References: Oniguruma's doc/RE, pcre2pattern(3).
struct RegexTranslation {
    private let scalars: [Unicode.Scalar]
    private let source: String
    private let file: String
    private var index = 0
    private var output = ""

    static func translate(_ source: String, file: String) throws(LensError) -> String {
        guard source.unicodeScalars.count <= 16384 else {
            throw .data(
                "\(file): a pre-tokenizer pattern of \(source.unicodeScalars.count) characters; 16384 are allowed.")
        }
        var translation = RegexTranslation(source, file)
        try translation.run()
        return translation.output
    }

    private init(_ source: String, _ file: String) {
        self.source = source
        self.file = file
        scalars = Array(source.unicodeScalars)
    }

    private func refuse(_ what: String) -> LensError {
        .data(
            "\(file): the pre-tokenizer pattern \(source) uses \(what), which is not supported. "
                + "Supported are literals, classes, \\p{…}, \\s \\d \\w, groups, look-around and repetition.")
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        scalars.indices.contains(index + offset) ? scalars[index + offset] : nil
    }

    private mutating func run() throws(LensError) {
        while let scalar = peek() {
            switch scalar {
            case "\\": try escape(inClass: false)
            case "[": try characterClass()
            case "(":
                try checkGroup()
                output.append("(")
                index += 1
            case "{": brace()
            case "}":
                if peek(1) == "+" { throw refuse("a repetition {n,m} followed by +") }
                output.append("}")
                index += 1
            case "*" where peek(-1) == "(": throw refuse("a verb (*")
            default:
                output.unicodeScalars.append(scalar)
                index += 1
            }
        }
    }

    /// `(?` may begin a plain, look-around or atomic group, or set case-insensitivity.
    private func checkGroup() throws(LensError) {
        if peek(1) == "*" { throw refuse("a verb (*") }
        guard peek(1) == "?" else { return }
        switch peek(2) {
        case ":", "=", "!", ">": return
        case "<" where peek(3) == "=" || peek(3) == "!": return
        case "i" where peek(3) == ":": return
        default: throw refuse("a group that begins with (?\(peek(2).map(String.init) ?? "")")
        }
    }

    /// `{,n}` means `{0,n}`.
    private mutating func brace() {
        output.append(peek(1) == "," ? "{0" : "{")
        index += 1
    }

    private mutating func characterClass() throws(LensError) {
        output.append("[")
        index += 1
        if peek() == "^" {
            output.append("^")
            index += 1
        }
        if peek() == "]" { throw refuse("an empty class []") }
        while let scalar = peek(), scalar != "]" {
            switch scalar {
            case "\\": try escape(inClass: true)
            case "[": throw refuse("a class within a class")
            case "&" where peek(1) == "&": throw refuse("an intersection && of classes")
            default:
                output.unicodeScalars.append(scalar)
                index += 1
            }
        }
        guard peek() == "]" else { throw refuse("a class that does not end") }
        output.append("]")
        index += 1
    }

    private mutating func escape(inClass: Bool) throws(LensError) {
        guard let letter = peek(1) else { throw refuse("a backslash at its end") }
        index += 2
        switch letter {
        // PCRE2's \s has U+180E too, which has not been white space since Unicode 6.3.
        case "s": output += #"\p{White_Space}"#
        case "S": output += #"\P{White_Space}"#
        case "d": output += #"\p{Nd}"#
        case "D": output += #"\P{Nd}"#
        case "w": output += inClass ? #"\p{L}\p{M}\p{Nd}\p{Pc}"# : #"[\p{L}\p{M}\p{Nd}\p{Pc}]"#
        case "W" where !inClass: output += #"[^\p{L}\p{M}\p{Nd}\p{Pc}]"#
        case "v": output += #"\x{0B}"#
        case "r", "n", "t", "f", "a", "e": output += "\\\(letter)"
        case "A" where !inClass, "z" where !inClass: output += "\\\(letter)"
        case "p", "P": try property(letter)
        case "x", "u": try codePoint(letter)
        default:
            let isLetterOrDigit = letter.properties.isAlphabetic || ("0"..."9").contains(letter)
            guard !isLetterOrDigit else { throw refuse("\\\(letter)") }
            output.append("\\")
            output.unicodeScalars.append(letter)
        }
    }

    /// A general category keeps its name; any other name is a script, which PCRE2 would extend unless told not to.
    private mutating func property(_ letter: Unicode.Scalar) throws(LensError) {
        guard peek() == "{" else { throw refuse("\\\(letter) without {…}") }
        var name = ""
        index += 1
        while let scalar = peek(), scalar != "}" {
            name.unicodeScalars.append(scalar)
            index += 1
        }
        guard peek() == "}" else { throw refuse("\\\(letter){ without }") }
        index += 1
        var isNegated = letter == "P"
        if name.hasPrefix("^") {
            isNegated.toggle()
            name.removeFirst()
        }
        let isPlain = name.unicodeScalars.allSatisfy { $0.isASCII && ($0.properties.isAlphabetic || $0 == "_") }
        guard isPlain, !name.isEmpty else { throw refuse("the property \(name)") }
        let binary = ["Alphabetic", "White_Space", "Uppercase", "Lowercase", "Emoji"]
        let prefix = name.count <= 2 || binary.contains(name) ? "" : "sc:"
        output += "\\\(isNegated ? "P" : "p"){\(prefix)\(name)}"
    }

    /// `\xHH`, `\x{H…}`, `\uHHHH`.
    private mutating func codePoint(_ letter: Unicode.Scalar) throws(LensError) {
        var digits = ""
        let isBraced = letter == "x" && peek() == "{"
        if isBraced { index += 1 }
        let limit = isBraced ? 8 : letter == "x" ? 2 : 4
        while digits.count < limit, let scalar = peek(), Character(scalar).isHexDigit, scalar.isASCII {
            digits.unicodeScalars.append(scalar)
            index += 1
        }
        if isBraced {
            guard peek() == "}" else { throw refuse("\\x{ without }") }
            index += 1
        }
        guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value),
            isBraced || value < 0x80 || letter == "u"
        else { throw refuse("\\\(letter)\(digits)") }
        output += "\\x{" + String(scalar.value, radix: 16) + "}"
    }
}
