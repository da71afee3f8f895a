import LensCommands
/// Throughput, share of peak and memory for each context length as an SVG of three panels.
struct BenchPlot {
    let header: BenchHeader
    /// What was measured, such as "training steps".
    let what: String
    let rows: [ContextRow]

    private static let width = 760.0
    private static let panelHeight = 220.0
    private static let margin = (left: 80.0, right: 24.0, top: 66.0, bottom: 46.0)

    /// A value with the least and the greatest of its runs.
    private struct Point { let value, low, high: Double }

    var svg: String {
        let height = Self.margin.top + 3 * Self.panelHeight + Self.margin.bottom
        let title =
            "\(header.model.map { "\($0): " } ?? "")\(what), \(header.threads) threads, \(header.instruction_set)"
        let machine =
            "\(header.machine), peak \(Format.decimal(header.peak_gflops, 0)) GFLOP/s; LongLens \(header.version), \(header.date)"
        let panels = [
            ("tokens per second (bars: slowest to fastest run)", rows.map(speed), "#1f6fb4"),
            ("share of peak, %", rows.map(share), "#2e8b57"),
            ("peak memory, GiB", rows.map { one(Double($0.peak_rss_bytes) / 0x1p30) }, "#b4541f"),
        ]
        let drawn = panels.enumerated().map { index, panel in
            self.panel(
                panel.0, panel.1, top: Self.margin.top + Double(index) * Self.panelHeight, colour: panel.2)
        }
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(height))" font-family="sans-serif" font-size="13">
            <title>\(Self.escaped("\(title); \(machine)"))</title>
            <rect width="100%" height="100%" fill="white"/>
            <text x="\(Self.margin.left)" y="24" font-size="15">\(Self.escaped(title))</text>
            <text x="\(Self.margin.left)" y="44" fill="#666">\(Self.escaped(machine))</text>
            \(drawn.joined(separator: "\n"))
            <text x="\(Self.width / 2)" y="\(height - 8)" text-anchor="middle" fill="#333">context length, tokens</text>
            </svg>

            """
    }

    private func one(_ value: Double) -> Point { Point(value: value, low: value, high: value) }

    private func speed(_ row: ContextRow) -> Point {
        Point(
            value: row.tokens_per_second, low: row.slowest_tokens_per_second, high: row.fastest_tokens_per_second)
    }

    private func share(_ row: ContextRow) -> Point {
        let percent = row.peak_fraction * 100 / row.tokens_per_second
        return Point(
            value: row.peak_fraction * 100, low: percent * row.slowest_tokens_per_second,
            high: percent * row.fastest_tokens_per_second)
    }

    /// One curve over the context lengths, which stand at equal distances.
    private func panel(_ name: String, _ points: [Point], top: Double, colour: String) -> String {
        let ceiling = Self.ceiling(points.map(\.high).max() ?? 1)
        let (high, low) = (top + 28, top + Self.panelHeight - 26)
        let right = Self.width - Self.margin.right
        func x(_ index: Int) -> String {
            let step = (right - Self.margin.left) / Double(points.count)
            return Format.decimal(Self.margin.left + (Double(index) + 0.5) * step, 1)
        }
        func y(_ value: Double) -> String { Format.decimal(low - (low - high) * value / ceiling, 1) }
        var parts = ["<text x=\"\(Self.margin.left)\" y=\"\(top + 16)\" fill=\"\(colour)\">\(name)</text>"]
        for tick in 0...4 {
            let value = ceiling * Double(tick) / 4
            parts.append(
                "<line x1=\"\(Self.margin.left)\" x2=\"\(right)\" y1=\"\(y(value))\" y2=\"\(y(value))\" stroke=\"#ddd\"/>"
                    + "<text x=\"\(Self.margin.left - 8)\" y=\"\(y(value))\" dy=\"4\" text-anchor=\"end\" fill=\"#333\">\(Self.label(value))</text>"
            )
        }
        let curve = points.indices.map { "\(x($0)),\(y(points[$0].value))" }
        parts.append(
            "<polyline points=\"\(curve.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\"/>"
        )
        for (index, point) in points.enumerated() {
            if point.high > point.low {
                parts.append(
                    "<line x1=\"\(x(index))\" x2=\"\(x(index))\" y1=\"\(y(point.low))\" y2=\"\(y(point.high))\" stroke=\"\(colour)\" stroke-width=\"6\" stroke-opacity=\"0.35\"/>"
                )
            }
            parts.append(
                "<circle cx=\"\(x(index))\" cy=\"\(y(point.value))\" r=\"3.5\" fill=\"\(colour)\"/>"
                    + "<text x=\"\(x(index))\" y=\"\(y(point.high))\" dy=\"-8\" text-anchor=\"middle\" fill=\"\(colour)\">\(Self.label(point.value))</text>"
                    + "<text x=\"\(x(index))\" y=\"\(low + 18)\" text-anchor=\"middle\" fill=\"#333\">\(rows[index].context)</text>"
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
