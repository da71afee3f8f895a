import LensKernels
import LensSupport

/// The safetensors files of a folder as one set of tensors.
struct SafetensorsShards: Sendable {
    private let files: [SafetensorsFile]
    private let indices: [String: Int]
    private let folder: String

    static let indexName = "model.safetensors.index.json"
    /// Bytes of an index: the largest published ones have 9 million.
    private static let indexLimit = 1 << 25

    /// Opens the files that the index names, or all there are; a tied head that the index names may be missing.
    init(folder: String, tied: Bool, access: FileAccess) throws(LensError) {
        self.folder = folder
        let map = try SafetensorsShards.index(folder)
        let fileNames = if let map { Set(map.values).sorted() } else { try SafetensorsShards.fileNames(folder) }
        var files: [SafetensorsFile] = [], indices: [String: Int] = [:]
        for name in fileNames {
            let file = try SafetensorsFile(path: folder + "/" + name, access: access)
            for tensor in file.names {
                guard indices.updateValue(files.count, forKey: tensor) == nil else {
                    throw .data("\(folder): the tensor `\(tensor)` is in two safetensors files.")
                }
            }
            files.append(file)
        }
        for (tensor, name) in map ?? [:] where indices[tensor].map({ files[$0].path }) != folder + "/" + name {
            if tied && tensor == HuggingFaceNames.head && indices[tensor] == nil { continue }
            throw .data("\(folder)/\(SafetensorsShards.indexName) says that `\(tensor)` is in \(name), but it is not.")
        }
        self.files = files
        self.indices = indices
    }

    var names: [String] { Array(indices.keys) }

    func file(of name: String) -> SafetensorsFile? { indices[name].map { files[$0] } }

    /// See ``MappedFile/releasePages()``.
    func releasePages() { for file in files { file.releasePages() } }

    func tensor(_ name: String) -> SafetensorsTensor? { file(of: name)?.tensors[name] }

    func type(of name: String) throws(LensError) -> TensorType {
        guard let tensor = tensor(name) else { throw ParameterChecks.unknown(name, folder) }
        guard let type = tensor.dataType.tensorType else {
            throw .data(
                "\(folder): the tensor `\(name)` has the type \(tensor.dataType.rawValue), which is not supported for "
                    + "parameters. Convert the model to F32, F16 or BF16.")
        }
        return type
    }

    /// Whether two tensors of the same shape hold the same numbers.
    func areEqual(_ first: String, _ second: String) throws(LensError) -> Bool {
        let types = (try type(of: first), try type(of: second))
        guard let one = file(of: first), let other = file(of: second), let a = one.tensors[first],
            let b = other.tensors[second], a.count == b.count
        else { return false }
        let bytes = unsafe (one.bytes(of: a), other.bytes(of: b))
        let piece = 1 << 16
        var left = [Float](repeating: 0, count: min(piece, a.count)), right = left
        for start in stride(from: 0, to: a.count, by: piece) {
            let count = min(piece, a.count - start)
            unsafe left.withUnsafeMutableBufferPointer { left in
                unsafe SafetensorsShards.dequantize(
                    bytes.0, types.0, start, UnsafeMutableBufferPointer(rebasing: left[..<count]))
            }
            unsafe right.withUnsafeMutableBufferPointer { right in
                unsafe SafetensorsShards.dequantize(
                    bytes.1, types.1, start, UnsafeMutableBufferPointer(rebasing: right[..<count]))
            }
            if left != right { return false }
        }
        return true
    }

    private static func dequantize(
        _ bytes: UnsafeRawBufferPointer, _ type: TensorType, _ start: Int, _ output: UnsafeMutableBufferPointer<Float>
    ) {
        let size = type.blockBytes
        unsafe type.dequantize(
            UnsafeRawBufferPointer(rebasing: bytes[start * size..<(start + output.count) * size]), into: output)
    }

    /// File names by tensor, if there is an index and the model is not in one file.
    private static func index(_ folder: String) throws(LensError) -> [String: String]? {
        let path = folder + "/" + indexName
        guard !Folders.entryExists(folder + "/model.safetensors"), Folders.entryExists(path) else { return nil }
        var json = JSONScanner(try readJSONFile(path, limit: indexLimit), place: path)
        var map: [String: String]?
        var first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            if key.elementsEqual("weight_map".utf8) { map = try weightMap(&json) } else { try json.skip(depth: 1) }
        }
        try json.end()
        guard let map, !map.isEmpty else { throw .data("\(path): the index must have the object `weight_map`.") }
        return map
    }

    private static func weightMap(_ json: inout JSONScanner) throws(LensError) -> [String: String] {
        var map: [String: String] = [:], first = true
        try json.beginObject()
        while let key = try json.nextKey(&first) {
            let tensor = String(decoding: key, as: UTF8.self)
            let value = json.peek() == UInt8(ascii: "\"") ? try json.string() : []
            // A name with a slash could lead out of the folder.
            guard !value.isEmpty, !value.contains(UInt8(ascii: "/")), !value.contains(0) else {
                throw json.error("`\(tensor)` must be mapped to the name of a file in the same folder.")
            }
            guard map.updateValue(String(decoding: value, as: UTF8.self), forKey: tensor) == nil else {
                throw json.error("the tensor `\(tensor)` is there twice.")
            }
        }
        return map
    }

    private static func fileNames(_ folder: String) throws(LensError) -> [String] {
        if Folders.entryExists(folder + "/model.safetensors") { return ["model.safetensors"] }
        let names = try Folders.names(in: folder).filter { !$0.hasPrefix(".") }
        let shards = names.filter { $0.hasSuffix(".safetensors") && !Adapter.isFile($0) }
        if !shards.isEmpty { return shards }
        if names.contains(where: Adapter.isFile) { throw Adapter.alone(folder) }
        let pickled = names.contains { name in [".bin", ".pt", ".pth"].contains { name.hasSuffix($0) } }
        throw .missing(
            "\(folder) has no *.safetensors file."
                + (pickled ? " Its weights are in PyTorch's own format: save the model again as safetensors." : ""))
    }
}
