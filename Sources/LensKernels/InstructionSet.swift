import CLongLens
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The instruction sets that kernels exist for.
public enum InstructionSet: String, CaseIterable, Sendable {
    case scalar, avx2, avx512, neon

    private var value: lens_isa {
        switch self {
        case .scalar: LENS_ISA_SCALAR
        case .avx2: LENS_ISA_AVX2
        case .avx512: LENS_ISA_AVX512
        case .neon: LENS_ISA_NEON
        }
    }

    private init(_ value: lens_isa) {
        switch value {
        case LENS_ISA_AVX2: self = .avx2
        case LENS_ISA_AVX512: self = .avx512
        case LENS_ISA_NEON: self = .neon
        default: self = .scalar
        }
    }

    /// True when this processor and this operating system run it.
    public var isSupported: Bool { lens_isa_supported(value) }

    /// Those that this machine runs, from the plainest to the widest.
    public static var supported: [InstructionSet] { allCases.filter(\.isSupported) }

    /// The widest that this machine runs.
    public static var best: InstructionSet { InstructionSet(lens_isa_best()) }

    /// The one in use: the best, until another is chosen.
    public static var current: InstructionSet { InstructionSet(lens_isa_current()) }

    /// Makes all kernels use `self`; `.machine` when the machine lacks it. Not to be called while kernels run.
    public func use() throws(LensError) {
        guard lens_isa_use(value) else {
            throw .machine("This machine does not run \(rawValue); it runs \(Self.list(Self.supported)).")
        }
    }

    /// Makes all kernels use the instruction set called `name`: `.usage` when there is none of that name, `.machine`
    /// when the machine lacks it.
    public static func use(named name: String) throws(LensError) {
        guard let chosen = InstructionSet(rawValue: name.lowercased()) else {
            throw .usage("\"\(name)\" is no instruction set; choose one of \(list(allCases)).")
        }
        try chosen.use()
    }

    /// Obeys the environment variable `LONGLENS_ISA`, where it is set and not empty; errors as ``use(named:)``.
    public static func applyEnvironment() throws(LensError) {
        guard let variable = unsafe getenv("LONGLENS_ISA") else { return }
        let name = unsafe String(cString: variable)
        if name.isEmpty { return }
        do {
            try use(named: name)
        } catch {
            throw LensError(error.kind, "Environment variable LONGLENS_ISA: \(error.message)")
        }
    }

    private static func list(_ sets: [InstructionSet]) -> String {
        sets.map(\.rawValue).joined(separator: ", ")
    }
}
