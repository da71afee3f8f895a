import LensFormats
import LensKernels
import LensModels
import LensSupport

/// A model whose matrices are random blocks of a type, or random numbers of 16 bits, as a file would hold them: rows of
/// queries and keys in the interleaved rotary order, norms 1. The same seed gives the same model.
struct RandomBlocks: ModelSource {
    let path = "random blocks"
    let configuration: ModelConfiguration
    let tokenizer: TokenizerSource? = nil
    let origin = ModelOrigin.none
    let warnings: [String] = []
    private let matrices: [String: StoredMatrix]
    private let buffers: [String: AlignedBuffer]

    /// Rows are whole blocks of every type.
    static func configuration(tied: Bool) -> ModelConfiguration {
        var configuration = ModelConfiguration(
            vocabularySize: 101, hiddenSize: 256, feedForwardSize: 512, layerCount: 2, headCount: 4,
            keyValueHeadCount: 2, headDimension: 64, contextLength: 128)
        configuration.tiedEmbeddings = tied
        return configuration
    }

    /// - Parameters:
    ///   - other: the type of the feed-forward part's matrices, where it is another.
    ///   - infinite: the parameter and its block with a scale that is no number.
    init(
        _ type: TensorType, other: TensorType? = nil, tied: Bool = true, seed: UInt64 = 1,
        infinite: (name: String, block: Int)? = nil
    ) throws {
        configuration = Self.configuration(tied: tied)
        var matrices: [String: StoredMatrix] = [:], buffers: [String: AlignedBuffer] = [:]
        for (index, parameter) in configuration.parameters.enumerated() where parameter.shape.count == 2 {
            let type = parameter.name.contains(".mlp.") ? other ?? type : type
            let count = type.byteCount(of: parameter.count) ?? 0
            let buffer = try AlignedBuffer(byteCount: count)
            let bytes = unsafe UnsafeMutableRawBufferPointer(start: buffer.start, count: count)
            var generator = SeededGenerator(seed: seed, stream: UInt64(index))
            for place in bytes.indices { unsafe bytes[place] = UInt8(truncatingIfNeeded: generator.next()) }
            let rotary = parameter.name.contains("q_proj") || parameter.name.contains("k_proj")
            let matrix = unsafe StoredMatrix(
                type, rows: parameter.shape[0], columns: parameter.shape[1],
                headSize: rotary ? configuration.headDimension : 0, blocks: UnsafeRawBufferPointer(bytes), owner: buffer
            )
            if type.products == .bf16 {
                unsafe Self.fill(bytes, type, deviation: 0.06, &generator)
            } else {
                unsafe Self.scale(bytes, of: matrix, deviation: 0.06)
            }
            if let infinite, infinite.name == parameter.name {
                unsafe Self.setScales(of: infinite.block..<infinite.block + 1, bytes, type, .infinity)
            }
            matrices[parameter.name] = matrix
            buffers[parameter.name] = buffer
        }
        self.matrices = matrices
        self.buffers = buffers
    }

    private static func fill(
        _ bytes: UnsafeMutableRawBufferPointer, _ type: TensorType, deviation: Float, _ generator: inout SeededGenerator
    ) {
        // Uniform numbers of this deviation.
        let values = (0..<bytes.count / 2).map { _ in (2 * Float(generator.unit()) - 1) * deviation * 1.732 }
        unsafe values.withUnsafeBufferPointer { unsafe type.quantize($0, into: bytes) }
    }

    /// Chooses the blocks' scales so that the values have about this deviation from 0.
    private static func scale(_ bytes: UnsafeMutableRawBufferPointer, of matrix: StoredMatrix, deviation: Float) {
        let blocks = 0..<bytes.count / matrix.type.blockBytes
        unsafe setScales(of: blocks, bytes, matrix.type, 1)
        var values = [Float](repeating: 0, count: matrix.rows * matrix.columns)
        unsafe values.withUnsafeMutableBufferPointer { unsafe matrix.read(into: $0) }
        let square = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)
        unsafe setScales(of: blocks, bytes, matrix.type, deviation / Float(square.squareRoot()))
    }

    private static func setScales(
        of blocks: Range<Int>, _ bytes: UnsafeMutableRawBufferPointer, _ type: TensorType, _ scale: Float
    ) {
        for block in blocks {
            if type.products == .bf16 {
                let infinity: UInt16 = type == .f16 ? 0x7C00 : 0x7F80
                unsafe bytes.storeBytes(of: infinity.littleEndian, toByteOffset: 2 * block, as: UInt16.self)
            }
            for (index, offset) in type.halfScaleOffsets.enumerated() {
                // The minimum of these is added to integers that begin at 0.
                let middle: Float = type == .q4_1 ? -7.5 : type == .q5_1 ? -15.5 : 1
                let half = Float16(index == 1 ? scale * middle : scale).bitPattern
                unsafe bytes.storeBytes(
                    of: half.littleEndian, toByteOffset: block * type.blockBytes + offset, as: UInt16.self)
            }
        }
    }

    func type(of name: String) throws(LensError) -> TensorType { matrices[name]?.type ?? .f32 }

    func stored(_ name: String) throws(LensError) -> StoredMatrix? { matrices[name] }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        if let matrix = matrices[name] {
            unsafe matrix.read(into: destination)
        } else {
            unsafe destination.update(repeating: 1)
        }
    }
}
