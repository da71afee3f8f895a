import CLongLens
import LensSupport

/// The instruction sets that kernels exist for.
public enum InstructionSet: String, CaseIterable, Sendable {
    case scalar, avx2, avx512, neon

    var value: lens_isa {
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

    /// The instruction set called `name`, and the features that the name does without: "avx512", "avx512-novnni".
    /// `.usage` when there are none of that name.
    public static func named(_ name: String) throws(LensError) -> (set: InstructionSet, without: Set<ProcessorFeature>)
    {
        var words = name.lowercased().split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard let chosen = InstructionSet(rawValue: words.removeFirst()) else {
            throw .usage("\"\(name)\" is no instruction set; choose one of \(list(allCases)).")
        }
        var without: Set<ProcessorFeature> = []
        for word in words {
            guard let feature = ProcessorFeature.allCases.first(where: { word == "no\($0.rawValue)" }) else {
                throw .usage(
                    "\"\(word)\" in \"\(name)\" is no feature to do without; there is "
                        + ProcessorFeature.allCases.map { "no\($0.rawValue)" }.joined(separator: ", ") + ".")
            }
            without.insert(feature)
        }
        return (chosen, without)
    }

    /// `.machine` when the machine lacks it.
    public func requireSupport() throws(LensError) {
        guard isSupported else {
            throw .machine("This machine does not run \(rawValue); it runs \(Self.list(Self.supported)).")
        }
    }

    private static func list(_ sets: [InstructionSet]) -> String {
        sets.map(\.rawValue).joined(separator: ", ")
    }
}
