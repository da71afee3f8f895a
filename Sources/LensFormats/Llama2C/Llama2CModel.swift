import LensKernels
import LensSupport

/// A model in the legacy format of llama2.c: seven 32-bit integers, then all weights in fp32.
///
/// The format carries no tokenizer, which is a file of its own, and fixes the rotary base (10000), the epsilon of the
/// normalization (1e-5) and the tokens that begin (1) and end (2) a text.
package struct Llama2CModel: ModelSource {
    package let path: String
    package let configuration: ModelConfiguration
    package let tokenizer: TokenizerSource?
    package let origin = ModelOrigin.none
    package let warnings: [String] = []
    private let file: MappedFile
    private let layout: Llama2CLayout

    /// Opens and checks the file at `path`, with the tokenizer file at `tokenizerPath` if given.
    package init(path: String, tokenizerPath: String? = nil, access: FileAccess = .mapped) throws(LensError) {
        self.path = path
        file = try MappedFile(path: path, access: access)
        var cursor = ByteCursor(file)
        var header: [Int] = []
        for name in Llama2CLayout.headerNames { header.append(Int(try cursor.integer(Int32.self, name))) }
        guard header[0] != Llama2CLayout.newMagic else {
            throw .data(
                "\(path) has llama2.c's format version 1 or 2; only the legacy format (version 0) is supported. "
                    + "Export it again with `export.py --version 0`.")
        }
        var configuration = ModelConfiguration(
            vocabularySize: abs(header[5]), hiddenSize: header[0], feedForwardSize: header[1], layerCount: header[2],
            headCount: header[3], keyValueHeadCount: header[4],
            headDimension: header[3] > 0 ? header[0] / header[3] : 0, contextLength: header[6])
        configuration.tiedEmbeddings = header[5] > 0
        configuration.bosToken = configuration.vocabularySize > 1 ? 1 : nil
        configuration.eosToken = configuration.vocabularySize > 2 ? 2 : nil
        do throws(LensError) {
            try configuration.check(path: path)
        } catch {
            throw .data("\(path) is neither a GGUF file nor a llama2.c model: as the latter, \(error.message)")
        }
        guard let layout = Llama2CLayout(configuration), layout.fileSize == file.count else {
            throw .data(
                "\(path) is neither a GGUF file nor a complete llama2.c model: with the sizes in its header the "
                    + "latter would have another size than \(file.count) bytes.")
        }
        self.configuration = configuration
        self.layout = layout
        if let tokenizerPath {
            tokenizer = try TokenizerFiles.open(
                tokenizerPath, vocabularySize: configuration.vocabularySize, access: access)
        } else {
            tokenizer = nil
        }
    }

    package func type(of name: String) throws(LensError) -> TensorType {
        guard layout.ranges[name] != nil else { throw ParameterChecks.unknown(name, path) }
        return .f32
    }

    package func read(_ name: String, into destination: UnsafeMutableBufferPointer<Float>) throws(LensError) {
        guard let range = layout.ranges[name] else { throw ParameterChecks.unknown(name, path) }
        precondition(destination.count * 4 == range.count, "the destination must have the parameter's size")
        let bytes = unsafe UnsafeRawBufferPointer(rebasing: file.buffer[range])
        guard RotaryLayout.applies(to: name) else {
            unsafe TensorType.f32.dequantize(bytes, into: destination)
            return
        }
        let columns = configuration.hiddenSize, rowBytes = columns * 4
        for row in 0..<destination.count / columns {
            let target =
                RotaryLayout.halvesRow(ofInterleaved: row, headDimension: configuration.headDimension) * columns
            unsafe TensorType.f32.dequantize(
                UnsafeRawBufferPointer(rebasing: bytes[row * rowBytes..<(row + 1) * rowBytes]),
                into: UnsafeMutableBufferPointer(rebasing: destination[target..<target + columns]))
        }
    }
}

/// Where each parameter is in a llama2.c file.
struct Llama2CLayout {
    static let headerNames = [
        "the hidden size", "the feed-forward size", "the number of layers", "the number of heads",
        "the number of key-value heads", "the vocabulary size", "the context length",
    ]
    static let headerBytes = 28
    /// "ak42", the first integer of the later versions.
    static let newMagic = 0x616B_3432

    /// Parameter names in the order of the file, without the tables of cosines and sines.
    private(set) var names: [String] = []
    private(set) var ranges: [String: Range<Int>] = [:]
    /// The tables of cosines and sines, which readers compute for themselves.
    private(set) var tableRange = 0..<0
    private(set) var fileSize = Llama2CLayout.headerBytes

    /// Nil where a size overflows. The configuration's sizes must have been checked.
    init?(_ configuration: ModelConfiguration) {
        var plain = configuration
        plain.ropeScaling = .none
        let counts = Dictionary(uniqueKeysWithValues: plain.parameters.map { ($0.name, $0.count) })
        func layers(_ module: String) -> [String] {
            (0..<configuration.layerCount).map { "model.layers.\($0).\(module).weight" }
        }
        var before = ["model.embed_tokens.weight"]
        for module in [
            "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
            "post_attention_layernorm", "mlp.gate_proj", "mlp.down_proj", "mlp.up_proj",
        ] { before += layers(module) }
        before.append("model.norm.weight")
        for name in before { guard append(name, counts[name]) else { return nil } }
        guard let table = checkedProduct([configuration.contextLength, configuration.headDimension, 4]),
            let end = advanced(by: table)
        else { return nil }
        tableRange = fileSize..<end
        fileSize = end
        if !configuration.tiedEmbeddings {
            guard append("lm_head.weight", counts["lm_head.weight"]) else { return nil }
        }
    }

    private func advanced(by bytes: Int) -> Int? {
        let (end, overflow) = fileSize.addingReportingOverflow(bytes)
        return overflow ? nil : end
    }

    private mutating func append(_ name: String, _ count: Int?) -> Bool {
        guard let count, let end = advanced(by: count * 4) else { return false }
        names.append(name)
        ranges[name] = fileSize..<end
        fileSize = end
        return true
    }
}
