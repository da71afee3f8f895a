#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One step between a token's score and its weight. Steps are applied in the order given.
public enum Transform: Sendable, Equatable {
    /// |d|
    case absolute
    /// −d
    case minus
    /// exp(d), held at exp(88), near the largest number that fp32 holds.
    case exp
    /// max(0, d)
    case max
    /// d − log(s), s > 0
    case shift(Double)

    package func callAsFunction(_ value: Double) -> Double {
        switch self {
        case .absolute: abs(value)
        case .minus: -value
        case .exp: exponential(Swift.min(value, 88))
        case .max: Swift.max(0, value)
        case .shift(let s): value - logarithm(s)
        }
    }
}

/// clip(d, max = limit): no token counts more than `limit`.
func truncated(_ values: [Double], at limit: Double) -> [Double] { values.map { min($0, limit) } }

// Inside the type, `exp` is the case.
func exponential(_ value: Double) -> Double { exp(value) }
private func logarithm(_ value: Double) -> Double { log(value) }
