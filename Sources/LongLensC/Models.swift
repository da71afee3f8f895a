import CLibLongLens
import LensFormats
import LensKernels
import LensModels
import LensSupport
import LensTokenizers

private let computes: [Compute] = [.auto, .f32, .int8, .bf16]

@c @implementation
public func longlens_open(
    _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<longlens_open_options>?,
    _ model: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let result = try unsafe required(model, "model")
        unsafe result.pointee = nil
        var defaults = unsafe longlens_open_options()
        unsafe longlens_open_options_init(&defaults)
        let options = try unsafe read(options, over: defaults, "longlens_open_options")
        let path = try unsafe LongLensC.path(path, "path")
        let compute = try unsafe choice(options.compute, of: computes, "compute")
        let threads = unsafe Int(options.threads)
        guard threads >= 0 else {
            throw Failure.invalid("\(threads) threads cannot be; 0 is for as many as there are cores.")
        }
        let (lowMemory, isMapped) = unsafe (options.low_memory != 0, options.map_file != 0)
        let runtime = try Runtime.configured(
            threads: threads == 0 ? nil : threads,
            instructionSet: unsafe options.instruction_set == nil
                ? nil : text(options.instruction_set, "instruction_set"),
            carrier: .pool)
        let tokenizer = try unsafe options.tokenizer == nil ? nil : LongLensC.path(options.tokenizer, "tokenizer")
        let progress = unsafe Progress(options.progress, options.user)
        var (tensors, read) = (1, 0)
        let pretrained = try Pretrained.load(
            path: path, tokenizerPath: tokenizer, compute: compute, lowMemory: lowMemory,
            access: lowMemory || isMapped ? .mapped : .copied, on: runtime,
            adjust: { (configuration) throws(LensError) in tensors = max(1, configuration.parameters.count) },
            check: { () throws(LensError) in
                try progress.tell(Double(read) / Double(tensors))
                read += 1
            })
        unsafe result.pointee = Handles.add(OpenedModel(pretrained, on: runtime))
    }
}

@c @implementation
public func longlens_close(_ model: OpaquePointer?, _ error: UnsafeMutablePointer<longlens_error>?) -> longlens_status {
    unsafe call(error) {
        if unsafe model == nil { return }
        try unsafe Handles.close(model)
    }
}

@c @implementation
public func longlens_describe(
    _ model: OpaquePointer?, _ info: UnsafeMutablePointer<longlens_info>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let result = try unsafe UnsafeMutableRawPointer(required(info, "info"))
        let size = unsafe result.loadUnaligned(as: UInt.self)
        guard size >= 8 else {
            throw Failure.invalid("A longlens_info of \(size) bytes cannot be: set its size first.")
        }
        var info = try unsafe Handles.with(model, description)
        info.size = Int(bitPattern: size)
        unsafe withUnsafeBytes(of: info) { bytes in
            unsafe result.copyMemory(
                from: bytes.baseAddress.unsafelyUnwrapped, byteCount: min(Int(clamping: size), bytes.count))
        }
    }
}

private func description(_ model: OpenedModel) -> longlens_info {
    let (configuration, tokenizer) = (model.pretrained.model.configuration, model.pretrained.tokenizer)
    var info = longlens_info()
    info.vocabulary_size = Int64(configuration.vocabularySize)
    info.context_length = Int64(configuration.contextLength)
    info.parameter_count = Int64(configuration.parameterCount)
    info.layer_count = Int32(clamping: configuration.layerCount)
    info.hidden_size = Int32(clamping: configuration.hiddenSize)
    info.bos_token = model.pretrained.bosToken ?? -1
    info.eos_token = tokenizer?.eosToken ?? configuration.eosToken ?? -1
    info.has_tokenizer = tokenizer == nil ? 0 : 1
    info.adds_bos = tokenizer?.addsBOS == true ? 1 : 0
    info.adds_eos = tokenizer?.addsEOS == true ? 1 : 0
    info.compute = Int32(clamping: computes.firstIndex(of: model.pretrained.model.compute) ?? 0)
    info.threads = Int32(clamping: model.runtime.threadCount)
    write(configuration.family.rawValue, into: &info.family)
    write(model.runtime.arithmeticName, into: &info.instruction_set)
    return info
}

/// Writes a name into an array of characters, ended by 0.
private func write<Characters>(_ name: String, into characters: inout Characters) {
    unsafe withUnsafeMutableBytes(of: &characters) { bytes in
        for (index, byte) in name.utf8.prefix(bytes.count - 1).enumerated() { unsafe bytes[index] = byte }
    }
}

@c @implementation
public func longlens_warnings(
    _ model: OpaquePointer?, _ text: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let result = try unsafe required(text, "text")
        unsafe result.pointee = nil
        let warnings = try unsafe Handles.with(model) { $0.pretrained.warnings }
        unsafe result.pointee = try cString(Array(warnings.joined(separator: "\n").utf8))
    }
}
