/// A number of tokens: digits, with `k` for 1024 tokens. Nil when it is none.
public func parseTokenCount(_ text: String) -> Int? {
    guard let last = text.last, last == "k" || last == "K" else { return Int(text) }
    guard let count = Int(text.dropLast()) else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: 1024)
    return overflow ? nil : value
}

/// An amount of memory in bytes: `8GiB`, `8G` and `8g` are 8 · 2^30; `KB`, `MB`, `GB` and `TB` are powers of ten; a plain
/// number is bytes. Fractions are allowed before a unit. Nil when it is none, or not above 0.
public func parseByteCount(_ text: String) -> Int? {
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
public func describeByteCount(_ bytes: Int) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(bytes)
    var unit = 0
    while value >= 1024 && unit + 1 < units.count {
        value /= 1024
        unit += 1
    }
    guard unit > 0 else { return "\(bytes) bytes" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10) \(units[unit])"
}
