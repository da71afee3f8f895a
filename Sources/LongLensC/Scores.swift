import CLibLongLens
import LensData
import LensFormats
import LensModels
import LensScoring
import LensSupport

/// How a sequence is scored.
private struct ScoreSettings {
    let context, stride, batch, chunk: Int?
    let progress: Progress

    init(_ given: UnsafePointer<longlens_score_options>?) throws {
        var defaults = unsafe longlens_score_options()
        unsafe longlens_score_options_init(&defaults)
        let options = try unsafe read(given, over: defaults, "longlens_score_options")
        context = try unsafe Self.count(options.context, "context")
        stride = try unsafe Self.count(options.stride, "stride")
        batch = try unsafe Self.count(options.batch, "batch")
        chunk = try unsafe Self.count(options.chunk, "chunk")
        if let chunk, chunk < 2 { throw Failure.invalid("chunk must be at least 2.") }
        progress = unsafe Progress(options.progress, options.user)
    }

    private static func count(_ value: Int, _ name: String) throws -> Int? {
        guard value >= 0, value <= greatestCount else {
            throw Failure.invalid("\(name) is \(UInt(bitPattern: value)), and can be at most \(greatestCount) tokens.")
        }
        return value == 0 ? nil : value
    }

    func plan(_ model: OpenedModel, length: Int) throws -> WindowPlan {
        try WindowPlan(
            length: length, context: context ?? min(model.pretrained.model.configuration.contextLength, greatestCount),
            stride: stride, chunk: chunk)
    }
}

@c @implementation
public func longlens_score_tokens(
    _ model: OpaquePointer?, _ tokens: UnsafePointer<Int32>?, _ count: Int,
    _ options: UnsafePointer<longlens_score_options>?, _ losses: UnsafeMutablePointer<Float>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let settings = try unsafe ScoreSettings(options)
        let given = try unsafe array(tokens, count, "tokens")
        let computed = try unsafe Handles.with(model) { (model) throws -> [Float] in
            let plan = try settings.plan(model, length: max(1, given.count))
            guard !given.isEmpty else { return [] }
            let document = Document(id: "given", content: .tokens(given), source: "The sequence")
            let checked = try model.pretrained.documentEncoder().tokens(of: document)
            guard checked.count > 1 else { return [] }
            _ = try unsafe required(losses, "losses")
            return try model.losses(checked, plan, batch: settings.batch, settings.progress)
        }
        guard !computed.isEmpty else { return }
        try unsafe required(losses, "losses").update(from: computed, count: computed.count)
    }
}

@c @implementation
public func longlens_score_text(
    _ model: OpaquePointer?, _ text: UnsafePointer<CChar>?, _ bytes: Int,
    _ textOptions: UnsafePointer<longlens_text_options>?, _ options: UnsafePointer<longlens_score_options>?,
    _ scores: UnsafeMutablePointer<UnsafeMutablePointer<longlens_scores>?>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let result = try unsafe required(scores, "scores")
        unsafe result.pointee = nil
        let (policy, settings) = try unsafe (TextPolicy(textOptions), ScoreSettings(options))
        unsafe result.pointee = try unsafe Handles.with(model) {
            (model) throws -> UnsafeMutablePointer<longlens_scores> in
            _ = try tokenizer(of: model)
            let encoder = try model.pretrained.documentEncoder(
                bos: policy.bos, eos: policy.eos, special: policy.special)
            let document = Document(
                id: "given", content: .text(try unsafe textBytes(text, bytes)), source: "The text")
            let tokens = try encoder.tokens(of: document)
            let plan = try settings.plan(model, length: tokens.count)
            let losses =
                try tokens.count > 1 ? model.losses(tokens, plan, batch: settings.batch, settings.progress) : []
            return try unsafe block(tokens, losses, plan)
        }
    }
}

/// A structure with its arrays behind it, in one block of memory for the caller.
private func block(
    _ tokens: [Int32], _ losses: [Float], _ plan: WindowPlan
) throws -> UnsafeMutablePointer<longlens_scores> {
    let tokensStart = unsafe MemoryLayout<longlens_scores>.stride,
        tokensSize = tokens.count * MemoryLayout<Int32>.stride
    let lossesSize = losses.count * MemoryLayout<Float>.stride
    let memory = try unsafe allocate(tokensStart + tokensSize + lossesSize)
    unsafe (memory + tokensStart).copyMemory(from: tokens, byteCount: tokensSize)
    unsafe (memory + tokensStart + tokensSize).copyMemory(from: losses, byteCount: lossesSize)
    let mean = meanLoss(losses)
    let scores = unsafe memory.assumingMemoryBound(to: longlens_scores.self)
    unsafe scores.initialize(
        to: longlens_scores(
            token_count: tokens.count, loss_count: losses.count,
            tokens: (memory + tokensStart).assumingMemoryBound(to: Int32.self),
            losses: (memory + tokensStart + tokensSize).assumingMemoryBound(to: Float.self), context: plan.context,
            stride: plan.stride, mean_loss: mean.mean, perplexity: mean.perplexity))
    return unsafe scores
}

private func meanLoss(_ losses: [Float]) -> BucketedLosses {
    var sum = BucketedLosses()
    for loss in losses { sum.add(loss, at: 0) }
    return sum
}

@c @implementation
public func longlens_mean_loss(
    _ losses: UnsafePointer<Float>?, _ count: Int, _ mean: UnsafeMutablePointer<Double>?,
    _ perplexity: UnsafeMutablePointer<Double>?, _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let losses = try unsafe array(losses, count, "losses")
        guard !losses.isEmpty else { throw Failure.invalid("No losses have no mean.") }
        let sum = meanLoss(losses)
        unsafe mean?.pointee = sum.mean
        unsafe perplexity?.pointee = sum.perplexity
    }
}
