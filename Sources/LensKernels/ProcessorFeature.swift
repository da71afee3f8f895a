import CLongLens
import LensSupport

/// What processors of one instruction set may have beside it. Kernels use what the machine has.
public enum ProcessorFeature: String, CaseIterable, Sendable {
    /// Sums of four products of bytes in one instruction: AVX512_VNNI, or AVX-VNNI.
    case vnni
    /// Sums of two products of bf16 in one instruction: AVX512_BF16, or BF16 beside NEON.
    case bf16
    /// Sums of four products of bytes in one instruction, beside NEON.
    case dotprod
    /// Products of matrices of bytes, 2 x 8 by 8 x 2, in one instruction, beside NEON.
    case i8mm

    var bit: UInt32 {
        switch self {
        case .vnni: LENS_FEATURE_VNNI.rawValue
        case .bf16: LENS_FEATURE_BF16.rawValue
        case .dotprod: LENS_FEATURE_DOTPROD.rawValue
        case .i8mm: LENS_FEATURE_I8MM.rawValue
        }
    }

    /// The features that the machine has beside an instruction set.
    public static func supported(with set: InstructionSet) -> Set<ProcessorFeature> {
        Set(lens_isa_features(set.value))
    }
}

extension Set<ProcessorFeature> {
    init(_ features: lens_features) {
        self = Set(ProcessorFeature.allCases.filter { features.rawValue & $0.bit != 0 })
    }

    var value: lens_features { lens_features(rawValue: reduce(0) { $0 | $1.bit }) }
}
