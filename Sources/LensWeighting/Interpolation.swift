/// λ + (1 − λ) · w: between plain cross-entropy (λ = 1) and the weights alone (λ = 0).
func interpolated(_ weights: [Double], lambda: Double) -> [Double] {
    weights.map { lambda + (1 - lambda) * $0 }
}
