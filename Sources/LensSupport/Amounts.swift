/// The greatest number of tokens, steps and the like that settings may give: what is computed from a few of them still
/// fits into an integer.
public let greatestCount = Int(Int32.max)

/// A number of tokens up to ``greatestCount``: digits, with `k` for 1024 tokens. Nil when it is none.
public func parseTokenCount(_ text: String) -> Int? {
    let isThousands = text.last == "k" || text.last == "K"
    guard let count = Int(isThousands ? text.dropLast() : text[...]) else { return nil }
    let (value, overflow) = count.multipliedReportingOverflow(by: isThousands ? 1024 : 1)
    return overflow || value > greatestCount ? nil : value
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

/// The product of numbers of at least 0; `Int.max` where it is greater.
public func saturatingProduct(_ factors: Int...) -> Int {
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
public func saturatingSum(_ a: Int, _ b: Int) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    return overflow ? .max : sum
}
