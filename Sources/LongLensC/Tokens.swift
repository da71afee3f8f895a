import CLibLongLens
import LensData
import LensModels
import LensSupport
import LensTokenizers

/// Whether texts get BOS and EOS, and what special tokens in them are.
struct TextPolicy {
    let bos, eos: BoundaryPolicy
    let special: Bool

    init(_ given: UnsafePointer<longlens_text_options>?) throws {
        var defaults = longlens_text_options()
        unsafe longlens_text_options_init(&defaults)
        let options = try unsafe read(given, over: defaults, "longlens_text_options")
        bos = try choice(options.bos, of: [.auto, .always, .never], "bos")
        eos = try choice(options.eos, of: [.auto, .always, .never], "eos")
        special = options.special != 0
    }
}

/// The bytes of a text: UTF-8.
func textBytes(_ text: UnsafePointer<CChar>?, _ count: Int) throws -> [UInt8] {
    let start = unsafe UnsafeRawPointer(text)?.assumingMemoryBound(to: UInt8.self)
    let bytes = try unsafe array(start, count, "text", bytes: 8)
    if let offset = firstInvalidUTF8(bytes[...]) {
        throw Failure(LONGLENS_DATA, "The text is not UTF-8: byte \(offset) is part of no character.")
    }
    return bytes
}

/// `.missing` where the model has none.
func tokenizer(of model: OpenedModel) throws -> Tokenizer {
    guard let tokenizer = model.pretrained.tokenizer else {
        throw Failure(
            LONGLENS_MISSING,
            "\(model.pretrained.path) has no tokenizer, so that it takes tokens and no text. Give one when it is opened."
        )
    }
    return tokenizer
}

@c @implementation
public func longlens_tokenize(
    _ model: OpaquePointer?, _ text: UnsafePointer<CChar>?, _ bytes: Int,
    _ options: UnsafePointer<longlens_text_options>?, _ tokens: UnsafeMutablePointer<UnsafeMutablePointer<Int32>?>?,
    _ count: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let (result, resultCount) = try unsafe (required(tokens, "tokens"), required(count, "count"))
        unsafe result.pointee = nil
        let policy = try unsafe TextPolicy(options)
        let ids = try unsafe Handles.with(model) { (model) throws -> [Int32] in
            let tokenizer = try tokenizer(of: model)
            return try tokenizer.encode(
                unsafe textBytes(text, bytes), addBOS: policy.bos.adds, addEOS: policy.eos.adds,
                parseSpecial: policy.special)
        }
        if !ids.isEmpty {
            let byteCount = ids.count * MemoryLayout<Int32>.stride
            let memory = try unsafe allocate(byteCount)
            unsafe memory.copyMemory(from: ids, byteCount: byteCount)
            unsafe result.pointee = memory.assumingMemoryBound(to: Int32.self)
        }
        unsafe resultCount.pointee = ids.count
    }
}

@c @implementation
public func longlens_detokenize(
    _ model: OpaquePointer?, _ tokens: UnsafePointer<Int32>?, _ count: Int, _ special: Int32,
    _ text: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ bytes: UnsafeMutablePointer<Int>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let (result, resultCount) = try unsafe (required(text, "text"), required(bytes, "bytes"))
        unsafe result.pointee = nil
        let decoded = try unsafe Handles.with(model) { (model) throws -> [UInt8] in
            let tokenizer = try tokenizer(of: model)
            return try tokenizer.decode(unsafe array(tokens, count, "tokens"), includingSpecial: special != 0)
        }
        unsafe result.pointee = try cString(decoded)
        unsafe resultCount.pointee = decoded.count
    }
}
