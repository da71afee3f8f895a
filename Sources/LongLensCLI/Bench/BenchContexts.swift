import ArgumentParser
import LensCommands
import LensSupport
import LongLens

/// What the benchmarks of whole passes take beside, one row for each context length.
struct ContextOptions: ParsableArguments {
    @OptionGroup var shape: ShapeOptions
    @Option(name: .long, help: "Context lengths, such as 1k,2k,4k.") var context: String = "1k"
    @Option(
        name: .long, help: ArgumentHelp("Draw speed, share of peak and memory as .svg.", valueName: "file"),
        completion: .file(extensions: ["svg"]))
    var plot: String?

    func validate() throws {
        _ = try lengths()
        guard let plot, !plot.lowercased().hasSuffix(".svg") else { return }
        throw ValidationError(
            "--plot writes SVG, and \(plot) does not end in .svg. Name it so; browsers and converters make a .png of it."
        )
    }

    /// From the shortest on: the memory of a row is the process's peak until then.
    func lengths() throws -> [Int] { Set(try parseLengths(context).filter { try $0 > 1 || refuse($0) }).sorted() }

    private func refuse(_ length: Int) throws -> Bool {
        throw ValidationError("A context of \(length) token predicts nothing; give at least 2.")
    }

    /// Measures what `prepare` makes for each of the lengths, and reports a row for each.
    func measureEach(
        _ lengths: [Int], _ what: String, _ options: BenchOptions, compute: Compute = .f32, on runtime: Runtime,
        prepare: (Int) throws -> ContextWork
    ) throws {
        // Begun before the work, which is in vain where it cannot be written.
        let plotFile = try plot.map { path throws(LensError) in try AtomicFile(path: path) }
        let before = BenchHeader(model: shape.name, compute: compute, runtime: runtime)
        let progress = ProgressLine(quiet: options.machine.quiet)
        let measured = try lengths.map { length in
            progress.update("\(what) of \(length) tokens")
            let work = try prepare(length)
            let timing = try measure(options.repeats, work.run)
            options.note("\(what) of \(length) tokens", timing, progress)
            return ContextRow(
                context: length, seconds: timing, flops: work.flops, predicted: work.predictedSeconds)
        }
        progress.clear()
        let header = before.measuredAgain(on: runtime)
        let rows = measured.map { $0.of(peak: header.peak) }
        if let plotFile {
            try plotFile.write(BenchPlot(header: header, what: what, rows: rows).svg)
            try plotFile.commit()
        }
        try report(header, rows, options)
    }
}

/// What is measured of one context length.
struct ContextWork {
    /// The model's own arithmetic.
    let flops: Double
    /// What a plan says that it takes; nil where none does.
    var predictedSeconds: Double?
    let run: () throws -> Void
}
