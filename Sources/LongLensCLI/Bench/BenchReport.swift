import LensCommands
import LensSupport
import Logging
import LongLens

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a measurement is worth only together with.
struct BenchHeader: Encodable {
    let version: String
    let machine: String
    let instruction_set: String
    let threads: Int
    private(set) var peak_gflops: Double
    /// Of products of bytes, two operations each.
    private(set) var int8_peak_gops: Double
    /// Of products with weights of 16 bits.
    private(set) var bf16_peak_gflops: Double
    /// What products are computed in.
    let compute: String
    let model: String?
    /// The day, in UTC.
    let date: String

    static let columns = [
        "model", "machine", "instruction_set", "threads", "peak_gflops", "int8_peak_gops", "bf16_peak_gflops",
        "compute", "version", "date",
    ]
    var cells: [String] {
        [
            model ?? "", machine, instruction_set, "\(threads)", Format.decimal(peak_gflops, 0),
            Format.decimal(int8_peak_gops, 0), Format.decimal(bf16_peak_gflops, 0), compute, version, date,
        ]
    }

    /// Measures the machine's peaks, all threads at once.
    init(model: String?, compute: Compute = .f32, runtime: Runtime) {
        version = longLensVersion
        machine = Processor.name
        instruction_set = runtime.arithmeticName
        self.compute = compute.rawValue
        threads = runtime.threadCount
        peak_gflops = runtime.measurePeak(seconds: 0.3)
        int8_peak_gops = runtime.measureInt8Peak(seconds: 0.3)
        bf16_peak_gflops = runtime.measureBF16Peak(seconds: 0.3)
        self.model = model
        date = Date.now.formatted(.iso8601.year().month().day())  // in UTC
    }

    /// The peak that rows are a share of.
    var peak: Double { peak(of: Compute(rawValue: compute) ?? .f32) }

    func peak(of compute: Compute) -> Double {
        switch compute {
        case .int8: int8_peak_gops
        case .bf16: bf16_peak_gflops
        case .f32, .auto: peak_gflops
        }
    }

    /// With the higher of two peaks: a disturbed measurement would flatter every row.
    func measuredAgain(on runtime: Runtime) -> BenchHeader {
        var header = self
        header.peak_gflops = max(peak_gflops, runtime.measurePeak(seconds: 0.3))
        header.int8_peak_gops = max(int8_peak_gops, runtime.measureInt8Peak(seconds: 0.3))
        header.bf16_peak_gflops = max(bf16_peak_gflops, runtime.measureBF16Peak(seconds: 0.3))
        return header
    }
}

/// Seconds of repeated runs.
struct Timing {
    /// In the order of the runs; at least one.
    let seconds: [Double]
    let fastest, median, slowest: Double

    init(seconds: [Double]) {
        self.seconds = seconds
        let sorted = seconds.sorted()
        (fastest, median, slowest) = (sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1])
    }

    /// (slowest - fastest) / median
    var spread: Double { (slowest - fastest) / median }
}

/// Runs `work` once to warm up and then `repeats` times.
func measure(_ repeats: Int, _ work: () throws -> Void) rethrows -> Timing {
    try work()
    var seconds: [Double] = []
    for _ in 0..<repeats {
        let start = ContinuousClock.now
        try work()
        seconds.append((ContinuousClock.now - start).seconds)
    }
    return Timing(seconds: seconds)
}

extension BenchOptions {
    /// Says with --verbose how long each run took.
    func note(_ what: String, _ timing: Timing, _ progress: ProgressLine) {
        guard machine.verbose else { return }
        progress.clear()
        machine.log.debug("\(what): \(timing.seconds.map { Format.decimal(1000 * $0, 3) }.joined(separator: ", ")) ms")
    }
}

protocol BenchRow: Encodable {
    static var columns: [String] { get }
    var name: String { get }
    var cells: [String] { get }
    var gflops: Double { get }
    var peak_fraction: Double { get set }
    var spread: Double { get }
}

extension BenchRow {
    /// With its share of the machine's peak, in GFLOP/s.
    func of(peak: Double) -> Self {
        var row = self
        row.peak_fraction = gflops / peak
        return row
    }
}

struct ContextRow: BenchRow {
    static let columns = [
        "context", "tokens_per_second", "step_seconds", "predicted_seconds", "gflops", "peak_fraction",
        "peak_rss_bytes", "spread",
    ]
    let context: Int
    let tokens_per_second, step_seconds, gflops: Double
    /// By the plan, measured before; of training steps.
    let predicted_seconds: Double?
    var peak_fraction = 0.0
    let peak_rss_bytes: Int
    let spread: Double
    /// Tokens per second of the slowest and the fastest run, and their share of peak.
    let slowest_tokens_per_second, fastest_tokens_per_second: Double

    init(context: Int, seconds: Timing, flops: Double, predicted: Double?) {
        self.context = context
        tokens_per_second = Double(context) / seconds.median
        step_seconds = seconds.median
        predicted_seconds = predicted
        gflops = flops / seconds.median / 1e9
        peak_rss_bytes = SystemMemory.peakResident
        spread = seconds.spread
        slowest_tokens_per_second = Double(context) / seconds.slowest
        fastest_tokens_per_second = Double(context) / seconds.fastest
    }

    var name: String { "context \(context)" }
    var cells: [String] {
        [
            "\(context)", Format.decimal(tokens_per_second, 1), Format.decimal(step_seconds, 3),
            predicted_seconds.map { Format.decimal($0, 3) } ?? "", Format.decimal(gflops, 1),
            Format.decimal(peak_fraction, 3), "\(peak_rss_bytes)", Format.decimal(spread, 3),
        ]
    }
}

struct KernelRow: BenchRow {
    static let columns = ["kernel", "shape", "gflops", "peak_fraction", "spread"]
    let kernel, shape: String
    let gflops, spread: Double
    var peak_fraction = 0.0
    /// What `gflops` and `peak_fraction` are of.
    let compute: Compute

    private enum CodingKeys: String, CodingKey { case kernel, shape, gflops, peak_fraction, spread }

    init(kernel: String, shape: String, flops: Double, compute: Compute, seconds: Timing) {
        self.kernel = kernel
        self.shape = shape
        self.compute = compute
        gflops = flops / seconds.median / 1e9
        spread = seconds.spread
    }

    var name: String { "\(kernel) \(shape)" }
    var cells: [String] {
        [kernel, shape, Format.decimal(gflops, 1), Format.decimal(peak_fraction, 3), Format.decimal(spread, 3)]
    }
}

private struct BenchReport<Row: BenchRow>: Encodable {
    let machine: BenchHeader
    let rows: [Row]
}

/// A field of a CSV table (RFC 4180).
private func csvField(_ text: String) -> String {
    let needsQuotes = text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    return needsQuotes
        ? "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\"" : text
}

/// Prints the rows, and says so where they are too noisy to rely on.
func report<Row: BenchRow>(_ header: BenchHeader, _ rows: [Row], _ options: BenchOptions) throws {
    switch options.chosenFormat {
    case .json:
        try StandardOutput.writeLine(try Format.json(BenchReport(machine: header, rows: rows), pretty: true))
    case .csv:
        // Tables of several machines can then be put one under the other.
        let lines = [Row.columns + BenchHeader.columns] + rows.map { $0.cells + header.cells }
        try StandardOutput.write(lines.map { $0.map(csvField).joined(separator: ",") + "\n" }.joined())
    case .table:
        let model = header.model.map { ", \($0)" } ?? ""
        try StandardOutput.writeLine(
            "longlens \(header.version)\(model), \(header.machine), \(header.instruction_set), \(header.threads) threads, peak \(Format.decimal(header.peak_gflops, 0)) GFLOP/s, of bf16 \(Format.decimal(header.bf16_peak_gflops, 0)) GFLOP/s, of int8 \(Format.decimal(header.int8_peak_gops, 0)) GOP/s; computed in \(header.compute)"
        )
        try StandardOutput.write(Format.table([Row.columns] + rows.map(\.cells)))
    }
    for row in rows where row.spread > 0.1 {
        options.machine.log.warning(
            "noisy: \(row.name) spread by \(Format.decimal(row.spread * 100, 0)) % over its runs; run again on a quiet machine"
        )
    }
}

/// Tokens to run on: any will do, and the same ones each time.
func benchTokens(_ count: Int, _ configuration: ModelConfiguration) -> [Int32] {
    var generator = SeededGenerator(seed: 1)
    return (0..<count).map { _ in Int32(generator.below(configuration.vocabularySize)) }
}

/// Weights that differ from token to token, as a dense scheme's do; a share of `1 - kept` of them 0, as under a sparse one.
func benchWeights(_ count: Int, kept: Double) -> [Float] {
    var generator = SeededGenerator(seed: 2)
    return (0..<count).map { _ in generator.unit() < kept ? 0.5 + Float(generator.unit()) : 0 }
}
