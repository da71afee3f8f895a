import CLibLongLens
import LensSupport
import LensWeighting

@c @implementation
public func longlens_scheme(
    _ scheme: UnsafePointer<CChar>?, _ needsShort: UnsafeMutablePointer<Int32>?,
    _ canonical: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        unsafe canonical?.pointee = nil
        let scheme = try unsafe WeightingScheme(text(scheme, "scheme"))
        if let canonical = unsafe canonical {
            unsafe canonical.pointee = try cString(Array(scheme.description.utf8))
        }
        unsafe needsShort?.pointee = scheme.shortLosses == .required ? 1 : 0
    }
}

@c @implementation
public func longlens_weights(
    _ scheme: UnsafePointer<CChar>?, _ longLosses: UnsafePointer<Float>?, _ shortLosses: UnsafePointer<Float>?,
    _ count: Int, _ options: UnsafePointer<longlens_weight_options>?, _ weights: UnsafeMutablePointer<Float>?,
    _ error: UnsafeMutablePointer<longlens_error>?
) -> longlens_status {
    unsafe call(error) {
        let scheme = try unsafe WeightingScheme(text(scheme, "scheme"))
        var defaults = unsafe longlens_weight_options()
        unsafe longlens_weight_options_init(&defaults)
        let options = try unsafe read(options, over: defaults, "longlens_weight_options")
        let long = try unsafe array(longLosses, count, "long_losses")
        let short = try scheme.shortLosses == .required ? unsafe array(shortLosses, count, "short_losses") : nil
        let starts = try unsafe array(options.document_starts, options.document_count, "document_starts")
        guard starts.count <= count + 1 else {
            throw Failure.invalid("\(starts.count) documents do not begin in a sequence of \(count + 1) tokens.")
        }
        guard !long.isEmpty else { return }
        let result = try unsafe required(weights, "weights")
        var generator = unsafe SeededGenerator(seed: options.seed, stream: options.sequence)
        let computed = try scheme.finiteWeights(
            long: long, short: short, documentStarts: starts.isEmpty ? [0] : starts, of: "the sequence",
            generator: &generator)
        unsafe result.update(from: computed, count: computed.count)
    }
}
