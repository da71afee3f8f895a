import LensFormats
import LensKernels
import LensSupport

/// How the weights of a model are kept and what its products are computed in, known before a weight is read.
public struct WeightLayout: Sendable {
    public let configuration: ModelConfiguration
    /// Matrices that stay as the file stores them.
    private let types: [String: TensorType]
    /// Whether products find a packed copy of those; they compute from the file otherwise.
    package let isPacked: Bool

    private init(_ configuration: ModelConfiguration, types: [String: TensorType], isPacked: Bool) {
        self.configuration = configuration
        self.types = types
        self.isPacked = isPacked
    }

    /// All weights as fp32.
    public static func f32(_ configuration: ModelConfiguration) -> WeightLayout {
        WeightLayout(configuration, types: [:], isPacked: false)
    }

    /// That of an opened model's weights.
    ///
    /// - Parameters:
    ///   - configuration: may differ from the file's in what has no weights.
    ///   - lowMemory: compute from the mapped file, without a packed copy.
    /// - Throws: `.usage` where the weights of the file are not for it.
    package init(
        of source: any ModelSource, as configuration: ModelConfiguration, compute: Compute, lowMemory: Bool = false
    ) throws(LensError) {
        var types: [String: TensorType] = [:]
        for parameter in compute == .f32 ? [] : configuration.parameters {
            guard let matrix = try source.stored(parameter.name), let products = matrix.type.products,
                compute != .bf16 || products == .bf16
            else { continue }
            types[parameter.name] = matrix.type
        }
        if compute == .bf16 && types.isEmpty {
            throw .usage(
                "\(source.path) has no weights that bf16 products are for: they are of matrices in F16 or BF16. Compute in "
                    + "f32, or auto, or take such a file of the model.")
        }
        if compute == .int8 && !types.values.contains(where: { $0.products == .int8 }) {
            throw .usage(
                "\(source.path) has no weights that int8 products are for: they are of quantized matrices. Compute in f32, "
                    + "or auto, or take a quantized file of the model.")
        }
        if lowMemory && types.isEmpty {
            throw .usage(
                "Low memory means to compute from quantized or 16-bit weights in a model's file, and "
                    + (compute == .f32
                        ? "f32 computes with fp32 copies of all weights. Compute in auto."
                        : "\(source.path) has none. Leave it out, or take such a file of the model."))
        }
        self.init(configuration, types: types, isPacked: !lowMemory && !types.isEmpty)
    }

    /// What products are computed in: never `auto`. `int8` where some are; matrices of 16 bits are computed with in bf16 then.
    public var compute: Compute {
        types.isEmpty ? .f32 : types.values.contains(where: { $0.products == .int8 }) ? .int8 : .bf16
    }

    /// Those that stay as the file stores them, and the fp32 ones, in the order of the forward pass.
    var storedParameters: [ParameterDescription] { configuration.parameters.filter { types[$0.name] != nil } }
    var otherParameters: [ParameterDescription] { configuration.parameters.filter { types[$0.name] == nil } }

    /// Type of a matrix that stays as the file stores it.
    func storedType(_ name: String) -> TensorType? { types[name] }

    /// The head's weights without elements, for planning.
    var unbackedHead: Weights {
        let (rows, columns) = (configuration.vocabularySize, configuration.hiddenSize)
        guard let type = types[configuration.headName] else {
            return .f32(Matrix(unbackedRows: rows, columns: columns))
        }
        return .stored(StoredMatrix(unbacked: type, rows: rows, columns: columns))
    }
}

extension WeightLayout {
    /// Bytes of the fp32 copies, of the file's matrices in their mapping, and of their packed copies.
    var f32ByteCount: Int { ParameterStore.byteCount(otherParameters) }
    var mappedByteCount: Int { sum { type, rows, columns in type.byteCount(of: rows * columns) ?? 0 } }
    var packedByteCount: Int { isPacked ? sum(StoredMatrix.packedByteCount) : 0 }

    /// Of memory that is not the file's.
    var copiedByteCount: Int { saturatingSum(f32ByteCount, packedByteCount) }

    private func sum(_ byteCount: (TensorType, Int, Int) -> Int) -> Int {
        storedParameters.reduce(0) { sum, parameter in
            guard let type = types[parameter.name] else { return sum }
            return sum + byteCount(type, parameter.shape[0], parameter.shape[1])
        }
    }

    /// What the weights take.
    package var buffers: [PlannedBuffer] {
        var buffers = [PlannedBuffer(name: "parameters", byteCount: f32ByteCount)]
        if !types.isEmpty { buffers.append(PlannedBuffer(name: "mapped file", byteCount: mappedByteCount)) }
        if isPacked { buffers.append(PlannedBuffer(name: "packed parameters", byteCount: packedByteCount)) }
        return buffers
    }

    /// While they are read: the file's own copy of what becomes fp32 is mapped too.
    package var loadingByteCount: Int {
        saturatingProduct(f32ByteCount, 2) + mappedByteCount + packedByteCount
    }
}

extension ModelConfiguration {
    /// The parameter that the head multiplies with.
    var headName: String { tiedEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight" }
}
