#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The greatest number of tokens, steps and the like that settings may give: what is computed from a few of them still
/// fits into an integer.
package let greatestCount = Int(Int32.max)

/// A number of tokens up to ``greatestCount``: digits, with `k` for 1024 tokens. Nil when it is none.
package func parseTokenCount(_ text: String) -> Int? {
    let isThousands = text.last == "k" || text.last == "K"
    guard let count = Int(isThousands ? text.dropLast() : text[...]) else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: isThousands ? 1024 : 1)
    return overflow || value > greatestCount ? nil : value
}

/// An amount of memory in bytes: `8GiB`, `8G` and `8g` are 8 · 2^30; `KB`, `MB`, `GB` and `TB` are powers of ten; a plain
/// number is bytes. Fractions are allowed before a unit. Nil when it is none, or not above 0.
package func parseByteCount(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text[digits.endIndex...].drop { $0 == " " }.lowercased()
    guard let number = Double(digits), let factor = unitFactors[unit] else { return nil }
    let bytes = (number * factor).rounded(.down)
    return bytes >= 1 && bytes < 0x1p62 ? Int(bytes) : nil
}

private let unitFactors: [String: Double] = [
    "": 1, "b": 1,
    "k": 0x1p10, "kib": 0x1p10, "kb": 1e3,
    "m": 0x1p20, "mib": 0x1p20, "mb": 1e6,
    "g": 0x1p30, "gib": 0x1p30, "gb": 1e9,
    "t": 0x1p40, "tib": 0x1p40, "tb": 1e12,
]

/// Bytes for people: `1.5 GiB`.
package func describeByteCount(_ bytes: Int) -> String { describeByteCount(bytes, .toNearestOrAwayFromZero) }

/// The same, rounded up: so many bytes are enough.
package func describeByteCountUp(_ bytes: Int) -> String { describeByteCount(bytes, .up) }

private func describeByteCount(_ bytes: Int, _ rule: FloatingPointRoundingRule) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024 && unit + 1 < units.count {
        value /= 1024
        unit += 1
    }
    guard unit > 0 else { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded(rule))
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}

/// `1 document`, `2 documents`.
package func describeCount(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

/// The digits of a number, with zeros before them up to `count`.
package func digits(_ number: some BinaryInteger, atLeast count: Int, radix: Int = 10) -> String {
    let digits = String(number, radix: radix)
    return String(repeating: "0", count: max(0, count - digits.count)) + digits
}

/// A number for people, as they would write it: six digits at most and none that says nothing, `0.25`, `10000`, `2e-5`,
/// `1.5e12`.
package func describeNumber(_ number: Double) -> String {
    guard number.isFinite, number != 0 else { return number == 0 ? "0" : "\(number)" }
    let significant = 6
    var exponent = Int(log10(number.magnitude).rounded(.down))
    // In two steps: the power alone may be out of range.
    let half = (significant - 1 - exponent) / 2
    let scaled = number.magnitude * pow(10, Double(half)) * pow(10, Double(significant - 1 - exponent - half))
    var whole = Int(scaled.rounded())
    // The logarithm may be rounded to the wrong side of a power of ten, and the digits up to one.
    if whole >= 1_000_000 { (whole, exponent) = ((whole + 5) / 10, exponent + 1) }
    var digits = Array("\(whole)")
    exponent += digits.count - significant
    while digits.count > 1 && digits.last == "0" { digits.removeLast() }
    let sign = number < 0 ? "-" : ""
    guard (-4..<10).contains(exponent) else {
        let rest = digits.count > 1 ? "." + String(digits[1...]) : ""
        return "\(sign)\(digits[0])\(rest)e\(exponent < 0 ? "-" : "")\(exponent.magnitude)"
    }
    if exponent < 0 { return "\(sign)0." + String(repeating: "0", count: -exponent - 1) + String(digits) }
    while digits.count <= exponent { digits.append("0") }
    let fraction = digits.count > exponent + 1 ? "." + String(digits[(exponent + 1)...]) : ""
    return sign + String(digits[...exponent]) + fraction
}

/// The product of numbers of at least 0; `Int.max` where it is greater.
package func saturatingProduct(_ factors: Int...) -> Int {
    if factors.contains(0) { return 0 }
    var product = 1
    for factor in factors {
        let (value, overflow) = product.multipliedReportingOverflow(by: factor)
        if overflow { return .max }
        product = value
    }
    return product
}

/// The sum of two numbers of at least 0; `Int.max` where it is greater.
package func saturatingSum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
}
