import CLongLens
import LensKernels
import Testing

extension InstructionSet {
    var isa: lens_isa {
        switch self {
        case .scalar: LENS_ISA_SCALAR
        case .avx2: LENS_ISA_AVX2
        case .avx512: LENS_ISA_AVX512
        case .neon: LENS_ISA_NEON
        }
    }
}

/// A context for calls of the C drivers, freed with its last reference.
@safe
final class Context {
    @unsafe private let pointer: OpaquePointer
    let set: InstructionSet

    init(
        _ set: InstructionSet = .best, features: lens_features = LENS_FEATURES_ALL,
        threads: Int = Processor.coreCount, carrier: lens_carrier = LENS_CARRIER_OPENMP
    ) throws {
        var made: OpaquePointer?
        let status = unsafe lens_context_create(threads, set.isa, features, carrier, &made)
        try #require(status == LENS_OK, "\(set), \(threads) threads")
        unsafe pointer = try unsafe #require(made)
        self.set = set
    }

    deinit { unsafe lens_context_destroy(pointer) }

    func with<Result>(_ body: (OpaquePointer) -> Result) -> Result {
        withExtendedLifetime(self) { unsafe body(pointer) }
    }

    /// Runs a driver, which must not fail.
    func run(_ driver: (OpaquePointer) -> lens_status) {
        let status = unsafe with(driver)
        #expect(status == LENS_OK)
    }

    var counters: lens_counters { unsafe with { unsafe lens_context_counters($0) } }
}

/// Contexts of all instruction sets of this machine. Which those are is checked in `InstructionSetTests`.
func contexts(threads: Int = Processor.coreCount) throws -> [Context] {
    try InstructionSet.supported.map { try Context($0, threads: threads) }
}

/// Runs `body` with a context of each instruction set of this machine and each end of guarded memory.
func onEveryInstructionSet(_ body: (_ context: Context, _ atStart: Bool, _ name: String) throws -> Void) throws {
    for context in try contexts() {
        try body(context, false, context.set.rawValue)
        try body(context, true, context.set.rawValue)
    }
}

/// Runs `body` with a runtime of each instruction set of this machine.
func onEveryRuntime(_ body: (_ runtime: Runtime, _ name: String) throws -> Void) throws {
    for set in InstructionSet.supported { try body(Runtime(instructionSet: set), set.rawValue) }
}

/// Runs `body` with 1, 2, 3 and 5 threads on each instruction set, and complains when the bits differ.
func expectSameBitsForAnyThreadCount(
    _ what: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: (Runtime) throws -> [[Float]]
) throws {
    for set in InstructionSet.supported {
        func bits(_ threads: Int) throws -> [[UInt32]] {
            try body(Runtime(threads: threads, instructionSet: set)).map { $0.map(\.bitPattern) }
        }
        let expected = try bits(1)
        for threads in [2, 3, 5] {
            let same = try bits(threads) == expected
            #expect(same, "\(what), \(set.rawValue), \(threads) threads", sourceLocation: sourceLocation)
        }
    }
}
