import LensKernels
import LensSupport

/// An opened GGUF file, version 2 or 3, or all files of a split one: metadata, and tensors in read-only mappings or copies.
///
/// Opening reads the header only. Everything in it is checked: sizes against the file, names and keys for repetition,
/// tensors for bounds and overlap. The format is described in ggml's `docs/gguf.md`.
@safe
package final class GGUFFile: Sendable {
    package let path: String
    package let version: Int
    package let metadata: GGUFMetadata
    /// Metadata keys in the order of the file.
    package let metadataKeys: [String]
    /// Tensors in the order of the file.
    package let tensors: [GGUFTensor]
    private let indices: [String: Int]
    private let parts: [MappedFile]
    /// Where the type and the value of each of `metadataKeys` are in the first file.
    private let valueRanges: [Range<Int>]

    /// Opens and checks the file at `path`, and the other parts where it is one of a split model; `.missing`, `.io`, or
    /// `.data` where it is not a GGUF file that can be read.
    package init(path: String, access: FileAccess = .mapped) throws(LensError) {
        let given = try Part(path, access)
        let paths = try GGUFSplit.paths(of: path, given.header.metadata)
        var parts: [MappedFile] = [], tensors: [GGUFTensor] = [], indices: [String: Int] = [:]
        var first = given
        for (number, partPath) in paths.enumerated() {
            let part = partPath == path ? given : try Part(partPath, access)
            if number == 0 { first = part }
            if paths.count > 1 {
                try GGUFSplit.check(partPath, part.header.metadata, number: number, of: paths.count)
            }
            for var tensor in part.header.tensors {
                tensor.part = number
                guard indices.updateValue(tensors.count, forKey: tensor.name) == nil else {
                    throw .data("\(partPath): the tensor `\(tensor.name)` is in another part too.")
                }
                tensors.append(tensor)
            }
            parts.append(part.file)
        }
        if paths.count > 1, let count = first.header.metadata.integer("split.tensors.count"), count != tensors.count {
            throw .data("\(path): the parts hold \(tensors.count) tensors, and should hold \(count). Fetch them again.")
        }
        self.path = path
        self.parts = parts
        version = Int(first.header.version)
        metadata = first.header.metadata
        metadataKeys = first.header.keys
        valueRanges = first.header.valueRanges
        self.tensors = tensors
        self.indices = indices
    }

    /// One file of a model and its header.
    private struct Part {
        let file: MappedFile
        var header: GGUFHeaderReader

        init(_ path: String, _ access: FileAccess) throws(LensError) {
            file = try MappedFile(path: path, access: access)
            header = GGUFHeaderReader(file)
            try header.read()
        }
    }

    /// Every metadata key with the bytes of its type and value, in the order of the file.
    var encodedMetadata: [(key: String, bytes: [UInt8])] {
        zip(metadataKeys, valueRanges).map { unsafe ($0, Array(parts[0].buffer[$1])) }
    }

    /// The tensor of this name.
    package func tensor(_ name: String) -> GGUFTensor? { indices[name].map { tensors[$0] } }

    /// See ``MappedFile/releasePages()``.
    package func releasePages() { for part in parts { part.releasePages() } }

    /// The bytes of a tensor of this file: whole blocks, rows one after the other. Valid while the file lives.
    @unsafe
    package func bytes(of tensor: GGUFTensor) -> UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(rebasing: parts[tensor.part].buffer[tensor.byteRange])
    }

    /// Dequantizes a tensor of this file in the file's own order of rows.
    @unsafe
    package func read(_ tensor: GGUFTensor, into destination: UnsafeMutableBufferPointer<Float>) {
        unsafe tensor.type.dequantize(bytes(of: tensor), into: destination)
    }

    /// The elements of a small tensor.
    package func floats(of tensor: GGUFTensor) -> [Float] {
        unsafe [Float](unsafeUninitializedCapacity: tensor.count) { buffer, count in
            unsafe buffer.initialize(repeating: 0)
            unsafe read(tensor, into: UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.count]))
            count = tensor.count
        }
    }
}
