import LensFormats
import LensSupport
import LensTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A path in the folder of committed fixtures.
func fixture(_ name: String, file: String = #filePath) -> String {
    String(file[..<(file.lastIndex(of: "/") ?? file.startIndex)]) + "/Fixtures/" + name
}

func contents(of path: String) throws -> [UInt8] {
    let file = try MappedFile(path: path)
    return unsafe Array(file.buffer)
}

/// The elements of a parameter; nil where it cannot be read.
func read(_ model: any ModelSource, _ parameter: ParameterDescription) throws(LensError) -> [Float] {
    var elements = [Float](repeating: .nan, count: parameter.count)
    let result: Result<Void, LensError> = unsafe elements.withUnsafeMutableBufferPointer { buffer in
        Result { () throws(LensError) in try unsafe model.read(parameter.name, into: buffer) }
    }
    try result.get()
    return elements
}

/// All parameters of a model by name.
func readAll(_ model: any ModelSource) throws(LensError) -> [String: [Float]] {
    var all: [String: [Float]] = [:]
    for parameter in model.configuration.parameters { all[parameter.name] = try read(model, parameter) }
    return all
}

/// A model of random numbers in memory.
struct RandomModel {
    let configuration: ModelConfiguration
    let parameters: [String: [Float]]

    init(_ configuration: ModelConfiguration, seed: UInt64 = 1) {
        self.configuration = configuration
        var parameters: [String: [Float]] = [:]
        for (index, parameter) in configuration.parameters.enumerated() {
            parameters[parameter.name] = randomFloats(parameter.count, seed: seed &* 1000 &+ UInt64(index))
        }
        self.parameters = parameters
    }

    func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        guard let elements = parameters[name] else { throw .data("no parameter \(name)") }
        precondition(elements.count == destination.count)
        for (index, element) in elements.enumerated() { unsafe destination[index] = element }
    }
}

/// A small configuration of each family.
func smallConfiguration(_ family: ModelConfiguration.Family = .llama, tied: Bool = false) -> ModelConfiguration {
    var configuration = ModelConfiguration(
        vocabularySize: 40, hiddenSize: 64, feedForwardSize: 96, layerCount: 2, headCount: 4, keyValueHeadCount: 2,
        headDimension: family == .qwen3 ? 32 : 16, contextLength: 256)
    configuration.family = family
    configuration.tiedEmbeddings = tied
    configuration.attentionBias = family == .qwen2
    configuration.queryKeyNorm = family == .qwen3
    configuration.bosToken = 1
    configuration.eosToken = 2
    return configuration
}

/// The message of the `LensError` of this kind that `body` throws.
func message(_ kind: LensError.Kind, _ body: () throws -> Void, _ location: SourceLocation = #_sourceLocation) -> String
{
    do {
        try body()
        Issue.record("no error was thrown", sourceLocation: location)
        return ""
    } catch let error as LensError {
        #expect(error.kind == kind, "\(error)", sourceLocation: location)
        return error.message
    } catch {
        Issue.record(error, sourceLocation: location)
        return ""
    }
}

/// A GGUF file of these metadata and F32 tensors (outermost dimension first), for what our writer does not write.
func ggufBytes(_ metadata: [(String, GGUFValue)], _ tensors: [(String, [Int], [Float])]) -> [UInt8] {
    var bytes: [UInt8] = []
    func add(_ value: some FixedWidthInteger, _ size: Int) {
        for byte in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
    }
    func add(_ text: [UInt8]) {
        add(UInt64(text.count), 8)
        bytes += text
    }
    func array(_ type: UInt32, _ count: Int) {
        add(9, 4)
        add(type, 4)
        add(UInt64(count), 8)
    }
    func add(_ value: GGUFValue) {
        switch value {
        case .uint16(let x):
            add(2, 4)
            add(x, 2)
        case .uint32(let x):
            add(4, 4)
            add(x, 4)
        case .int32(let x):
            add(5, 4)
            add(x, 4)
        case .float32(let x):
            add(6, 4)
            add(x.bitPattern, 4)
        case .bool(let x):
            add(7, 4)
            add(x ? 1 : 0, 1)
        case .string(let text):
            add(8, 4)
            add(text)
        case .strings(let list):
            array(8, list.count)
            for text in list { add(text) }
        case .int32s(let list):
            array(5, list.count)
            for x in list { add(x, 4) }
        case .float32s(let list):
            array(6, list.count)
            for x in list { add(x.bitPattern, 4) }
        case .numbers(let list):
            array(list.type, list.count)
            bytes += list.bytes
        default: preconditionFailure("not needed by the tests")
        }
    }
    bytes += Array("GGUF".utf8)
    add(3, 4)
    add(UInt64(tensors.count), 8)
    add(UInt64(metadata.count), 8)
    for (key, value) in metadata {
        add(Array(key.utf8))
        add(value)
    }
    var offset = 0
    func padding(_ count: Int) -> Int { (32 - count % 32) % 32 }
    for (name, shape, elements) in tensors {
        add(Array(name.utf8))
        add(UInt32(shape.count), 4)
        for size in shape.reversed() { add(UInt64(size), 8) }
        add(0, 4)
        add(UInt64(offset), 8)
        offset += elements.count * 4 + padding(elements.count * 4)
    }
    bytes += [UInt8](repeating: 0, count: padding(bytes.count))
    for (_, _, elements) in tensors {
        for x in elements { add(x.bitPattern, 4) }
        bytes += [UInt8](repeating: 0, count: padding(elements.count * 4))
    }
    return bytes
}
