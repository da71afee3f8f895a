import CLongLens
import LensSupport

/// Who carries the threads of a ``Runtime``. Results do not depend on it.
public enum ThreadCarrier: String, CaseIterable, Sendable {
    /// An OpenMP team; plain threads where the library was built without OpenMP, or it cannot start.
    case openMP
    /// Plain threads: for programs that link nothing but the system.
    case pool

    var value: lens_carrier {
        switch self {
        case .openMP: LENS_CARRIER_OPENMP
        case .pool: LENS_CARRIER_POOL
        }
    }
}

/// Threads, kernels of one instruction set and scratch memory: what passes compute with.
///
/// There are no settings beside it: two tasks may compute at once with two runtimes of different threads and instruction
/// sets, and get the bits that each would get alone. Tasks that share a runtime take turns, kernel by kernel. Threads start
/// with the first work and sleep between works; they end with the runtime.
@safe
public final class Runtime: @unchecked Sendable {
    /// All cores that this process may use, with the widest instruction set of the machine.
    public static let shared: Runtime = {
        do throws(LensError) { return try Runtime() } catch { preconditionFailure(error.message) }
    }()

    // Drivers run under its lock, so that it may be used from any thread.
    @unsafe private let context: OpaquePointer

    /// Threads that kernels use, the calling one among them.
    public let threadCount: Int
    public let instructionSet: InstructionSet
    /// What kernels use beside the instruction set.
    public let features: Set<ProcessorFeature>

    /// - Parameters:
    ///   - threads: from 1 to ``maximumThreadCount``; nil takes ``Processor/coreCount``.
    ///   - instructionSet: nil takes the widest that the machine runs.
    ///   - without: features of the machine that are not to be used.
    ///   - carrier: who carries the threads.
    /// - Throws: `.usage` for a number of threads that cannot be, `.machine` for an instruction set that the machine lacks.
    public init(
        threads: Int? = nil, instructionSet: InstructionSet? = nil, without: Set<ProcessorFeature> = [],
        carrier: ThreadCarrier = .openMP
    ) throws(LensError) {
        let threads = threads ?? min(Processor.coreCount, Self.maximumThreadCount)
        guard threads >= 1 && threads <= Self.maximumThreadCount else {
            throw .usage("\(threads) threads cannot be; choose from 1 to \(Self.maximumThreadCount).")
        }
        let set = instructionSet ?? .best
        try set.requireSupport()
        var made: OpaquePointer?
        let features = ProcessorFeature.supported(with: set).subtracting(without)
        let status = unsafe lens_context_create(threads, set.value, features.value, carrier.value, &made)
        guard status == LENS_OK, let made = unsafe made else { throw Self.error(status) }
        unsafe context = made
        threadCount = threads
        self.instructionSet = set
        self.features = features
    }

    deinit { unsafe lens_context_destroy(context) }

    /// What rounding may depend on: the instruction set, and bf16 beside it.
    package var arithmeticName: String {
        instructionSet.rawValue + (features.contains(.bf16) ? "+\(ProcessorFeature.bf16.rawValue)" : "")
    }

    /// Most threads of a runtime.
    public static var maximumThreadCount: Int { Int(lens_max_threads) }

    /// Runs one driver, when no other runs in this runtime. `.machine` when it finds no memory.
    func run(_ driver: (OpaquePointer) -> lens_status) throws(LensError) {
        let status = unsafe withContext(driver)
        guard status == LENS_OK else { throw Self.error(status) }
    }

    private func withContext<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        unsafe lens_context_lock(context)
        defer { unsafe lens_context_unlock(context) }
        return unsafe body(context)
    }

    /// Scratch that kernels will need, by a question to the kernels in use.
    func need(_ question: (OpaquePointer) -> lens_scratch_need) -> lens_scratch_need { unsafe question(context) }

    private static func error(_ status: lens_status) -> LensError {
        switch status {
        case LENS_NO_MEMORY: .machine("The machine has no memory for what kernels compute with.")
        case LENS_UNSUPPORTED: .machine("The machine does not run these kernels.")
        default: .usage("An argument of a kernel has no meaning.")
        }
    }
}

extension Runtime {
    /// Multiply-add peak in GFLOP/s of its threads with its instruction set, measured for about `seconds`.
    public func measurePeak(seconds: Double = 0.2) -> Double {
        unsafe withContext { unsafe lens_measure_peak_gflops($0, max(seconds, 0)) }
    }

    /// Peak of products of bytes in GOP/s, two operations a product: what integer arithmetic is measured against.
    public func measureInt8Peak(seconds: Double = 0.2) -> Double {
        unsafe withContext { unsafe lens_measure_peak_int8_gops($0, max(seconds, 0)) }
    }

    /// Peak of products with weights of 16 bits in GFLOP/s: of bf16 where it has ``ProcessorFeature/bf16``.
    public func measureBF16Peak(seconds: Double = 0.2) -> Double {
        unsafe withContext { unsafe lens_measure_peak_bf16_gflops($0, max(seconds, 0)) }
    }

    /// What it has done and holds.
    package struct Counters: Equatable, Sendable {
        /// Parallel regions of more than one thread.
        package var regions: Int
        /// Threads started beside the calling one.
        package var workers: Int
        /// Times that scratch memory was taken, and bytes of it held.
        package var scratchGrowths: Int, scratchByteCount: Int
    }

    package var counters: Counters {
        let c = unsafe withContext { unsafe lens_context_counters($0) }
        return Counters(
            regions: c.regions, workers: c.workers, scratchGrowths: c.scratch_growths, scratchByteCount: c.scratch_bytes
        )
    }
}
