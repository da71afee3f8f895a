import LensSupport

/// A tensor of a GGUF file.
public struct GGUFTensor: Equatable, Sendable {
    public let name: String
    public let type: TensorType
    /// Outermost dimension first, as PyTorch prints it: the reverse of the order in the file.
    public let shape: [Int]
    /// Where its bytes are in the file.
    public let byteRange: Range<Int>

    /// Number of elements.
    public var count: Int { shape.reduce(1, *) }
}

/// An opened GGUF file, version 2 or 3: metadata, and tensors in a read-only mapping.
///
/// Opening reads the header only. Everything in it is checked: sizes against the file, names and keys for repetition,
/// tensors for bounds and overlap. The format is described in ggml's `docs/gguf.md`.
@safe
public final class GGUFFile: Sendable {
    public let path: String
    public let version: Int
    public let metadata: GGUFMetadata
    /// Metadata keys in the order of the file.
    public let metadataKeys: [String]
    /// Tensors in the order of the file.
    public let tensors: [GGUFTensor]
    private let indices: [String: Int]
    private let file: MappedFile

    /// Opens and checks the file at `path`; `.missing`, `.io`, or `.data` where it is not a GGUF file that can be read.
    public init(path: String) throws(LensError) {
        let file = try MappedFile(path: path)
        var header = GGUFHeaderReader(file)
        try header.read()
        self.path = path
        self.file = file
        version = Int(header.version)
        metadata = header.metadata
        metadataKeys = header.keys
        tensors = header.tensors
        indices = header.indices
    }

    /// The tensor of this name.
    public func tensor(_ name: String) -> GGUFTensor? { indices[name].map { tensors[$0] } }

    /// The bytes of a tensor of this file: whole blocks, rows one after the other. Valid while the file lives.
    @unsafe
    public func bytes(of tensor: GGUFTensor) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: file.buffer[tensor.byteRange])
    }

    /// Dequantizes a tensor of this file in the file's own order of rows.
    @unsafe
    public func read(_ tensor: GGUFTensor, into destination: UnsafeMutableBufferPointer<Float>) {
        unsafe tensor.type.dequantize(bytes(of: tensor), into: destination)
    }

    /// The elements of a small tensor.
    public func floats(of tensor: GGUFTensor) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            unsafe buffer.initialize(repeating: 0)
            unsafe read(tensor, into: UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.count]))
            count = tensor.count
        }
    }
}
