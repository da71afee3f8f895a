/// Throughput and memory for each context length as an SVG of two panels.
struct BenchPlot {
    let header: BenchHeader
    let rows: [ContextRow]

    private static let width = 760.0
    private static let panelHeight = 250.0
    private static let margin = (left: 80.0, right: 24.0, top: 62.0, bottom: 46.0)

    var svg: String {
        let height = Self.margin.top + 2 * Self.panelHeight + Self.margin.bottom
        let model = header.model.map { "\($0), " } ?? ""
        let title =
            "LongLens \(header.version): \(model)\(header.instruction_set), \(header.threads) threads, peak \(Format.decimal(header.peak_gflops, 0)) GFLOP/s"
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" font-family="sans-serif" font-size="13">
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(Self.margin.left)" y="22" font-size="15">\(Self.escaped(title))</text>
            <text x="\(Self.margin.left)" y="40" fill="#666">\(Self.escaped(header.machine))</text>
            \(panel("tokens per second", rows.map(\.tokens_per_second), top: Self.margin.top, colour: "#1f6fb4"))
            \(panel("peak memory, GiB", rows.map { Double($0.peak_rss_bytes) / 0x1p30 }, top: Self.margin.top + Self.panelHeight, colour: "#b4541f"))
            <text x="\(Self.width / 2)" y="\(height - 8)" text-anchor="middle" fill="#333">context length, tokens</text>
            </svg>

            """
    }

    /// One curve over the context lengths, which stand at equal distances.
    private func panel(_ name: String, _ values: [Double], top: Double, colour: String) -> String {
        let ceiling = Self.ceiling(values.max() ?? 1)
        let (high, low) = (top + 28, top + Self.panelHeight - 26)
        let right = Self.width - Self.margin.right
        func x(_ index: Int) -> Double {
            let step = (right - Self.margin.left) / Double(values.count)
            return Self.margin.left + (Double(index) + 0.5) * step
        }
        func y(_ value: Double) -> Double { low - (low - high) * value / ceiling }
        var parts = ["<text x=\"\(Self.margin.left)\" y=\"\(top + 16)\" fill=\"\(colour)\">\(name)</text>"]
        for tick in 0...4 {
            let value = ceiling * Double(tick) / 4
            let height = Format.decimal(y(value), 1)
            parts.append(
                "<line x1=\"\(Self.margin.left)\" x2=\"\(right)\" y1=\"\(height)\" y2=\"\(height)\" stroke=\"#ddd\"/>"
                    + "<text x=\"\(Self.margin.left - 8)\" y=\"\(height)\" dy=\"4\" text-anchor=\"end\" fill=\"#333\">\(Self.label(value))</text>"
            )
        }
        let points = values.indices.map { "\(Format.decimal(x($0), 1)),\(Format.decimal(y(values[$0]), 1))" }
        parts.append(
            "<polyline points=\"\(points.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"
        )
        for (index, value) in values.enumerated() {
            let (across, up) = (Format.decimal(x(index), 1), Format.decimal(y(value), 1))
            parts.append(
                "<circle cx=\"\(across)\" cy=\"\(up)\" r=\"3.5\" fill=\"\(colour)\"/>"
                    + "<text x=\"\(across)\" y=\"\(up)\" dy=\"-8\" text-anchor=\"middle\" fill=\"\(colour)\">\(Self.label(value))</text>"
                    + "<text x=\"\(across)\" y=\"\(low + 18)\" text-anchor=\"middle\" fill=\"#333\">\(rows[index].context)</text>"
            )
        }
        return parts.joined(separator: "\n")
    }

    /// The least of 1, 2, 2.5, 5 and 10 times a power of ten that leaves room above `value`.
    private static func ceiling(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 1 }
        var power = 1.0
        while power > value { power /= 10 }
        while power * 10 <= value { power *= 10 }
        return ([1, 2, 2.5, 5].first { $0 * power >= value * 1.08 } ?? 10) * power
    }

    private static func label(_ value: Double) -> String { Format.decimal(value, value == 0 || value >= 100 ? 0 : 2) }

    private static func escaped(_ text: String) -> String {
        text.map { ["&": "&amp;", "<": "&lt;", ">": "&gt;"][$0] ?? String($0) }.joined()
    }
}
