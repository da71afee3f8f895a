import LensKernels
import LensSupport

/// What a GGUF file is called by its matrices' types, `general.file_type`: which type each of them gets. Raw values are
/// llama.cpp's.
///
/// The `_S` and `_M` mixes give those matrices more bits whose rounding costs a model most: values of attention and
/// the second half of the feed-forward part, all along or in some layers.
public enum GGUFFileType: UInt32, Sendable, CaseIterable {
    case f32 = 0
    case f16 = 1
    case bf16 = 32
    case q8_0 = 7
    case q4_0 = 2
    case q4_1 = 3
    case q5_0 = 8
    case q5_1 = 9
    case q4_K_S = 14
    case q4_K_M = 15
    case q5_K_S = 16
    case q5_K_M = 17
    case q6_K = 18
}

extension GGUFFileType {
    /// The name as model files and tools print it.
    public var name: String {
        switch self {
        case .q4_K_S: "Q4_K_S"
        case .q4_K_M: "Q4_K_M"
        case .q5_K_S: "Q5_K_S"
        case .q5_K_M: "Q5_K_M"
        default: most.name
        }
    }

    /// The file type of this name, in any case of letters. Q4_K and Q5_K are the `_M` mixes, as in llama.cpp.
    public init?(name: String) {
        let lower = name.lowercased()
        let whole = ["q4_k", "q5_k"].contains(lower) ? lower + "_m" : lower
        guard let type = GGUFFileType.allCases.first(where: { $0.name.lowercased() == whole }) else { return nil }
        self = type
    }

    /// The type of most matrices.
    public var most: TensorType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8_0: .q8_0
        case .q4_0: .q4_0
        case .q4_1: .q4_1
        case .q5_0: .q5_0
        case .q5_1: .q5_1
        case .q4_K_S, .q4_K_M: .q4_K
        case .q5_K_S, .q5_K_M: .q5_K
        case .q6_K: .q6_K
        }
    }

    /// Whether numbers share blocks; false where each stands alone.
    public var isQuantized: Bool { most.blockElements > 1 }

    /// The type that `writeGGUF` gives a parameter of a model.
    ///
    /// Vectors are F32. The output matrix, which is the embedding where the model has no other, is Q6_K in files of K
    /// types and Q8_0 in other quantized ones. Where rows are no whole blocks, another type takes the place.
    package func type(of parameter: ParameterDescription, in configuration: ModelConfiguration) -> TensorType {
        guard parameter.shape.count > 1, let columns = parameter.shape.last else { return .f32 }
        guard isQuantized else { return most }
        let output = configuration.tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight"
        let type: TensorType
        if parameter.name == output {
            type = most.isK ? .q6_K : .q8_0
        } else {
            type = mixed(parameter, configuration)
        }
        return type.fitting(columns)
    }

    /// llama.cpp's choice for the matrices of layers (`llama_tensor_get_type`).
    private func mixed(_ parameter: ParameterDescription, _ configuration: ModelConfiguration) -> TensorType {
        let parts = parameter.name.split(separator: ".")
        guard parts.count == 6, let layer = Int(parts[2]) else { return most }
        let isValue = parts[4] == "v_proj", isDown = parts[4] == "down_proj"
        guard isValue || isDown else { return most }
        let layers = configuration.layerCount
        switch self {
        case .q4_K_M, .q5_K_M:
            let hasMore = layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
            if hasMore { return .q6_K }
        case .q4_K_S:
            if layer < (isValue ? 4 : layers / 8) { return .q5_K }
        default: break
        }
        // The models of 70 billion parameters: eight query heads share these values, and they take little room.
        let isLarge =
            layers == 80 && configuration.family != .qwen3
            && (configuration.family == .qwen2 || configuration.headCount != configuration.keyValueHeadCount)
        return isValue && isLarge && most == .q4_K ? .q5_K : most
    }

    /// Bytes of the tensors of a model.
    package func byteCount(of configuration: ModelConfiguration) -> Int {
        configuration.parameters.reduce(0) {
            saturatingSum($0, type(of: $1, in: configuration).byteCount(of: $1.count) ?? .max)
        }
    }
}

extension TensorType {
    fileprivate var isK: Bool { blockElements == 256 }

    /// This type, or where rows of so many elements are no whole blocks of it, the one that llama.cpp takes instead.
    fileprivate func fitting(_ columns: Int) -> TensorType {
        if columns.isMultiple(of: blockElements) { return self }
        let smaller: TensorType
        switch self {
        case .q4_K: smaller = .q5_0
        case .q5_K: smaller = .q5_1
        case .q6_K: smaller = .q8_0
        default: smaller = self
        }
        return columns.isMultiple(of: smaller.blockElements) ? smaller : .f16
    }
}
