import LensKernels
import LensSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes a model in the legacy format of llama2.c, always in fp32; the tokenizer is a file of its own.
///
/// `.data` where the format cannot express the configuration: it knows llama models without biases or rotary scaling,
/// with a rotary base of 10000, an epsilon of 1e-5 and heads that divide the hidden size.
package func writeLlama2C(
    to path: String, configuration: ModelConfiguration, on runtime: Runtime = .shared,
    parameters: @escaping ParameterReader
) throws(LensError) {
    try configuration.check(path: path)
    try checkLlama2CExpresses(configuration, path: path)
    guard let layout = Llama2CLayout(configuration) else { throw .data("\(path): the model is too large.") }
    try TensorType.f32.requireRoom(for: configuration, at: path, others: layout.tableRange.count)
    let file = try AtomicFile(path: path)
    let vocabulary = configuration.tiedEmbeddings ? configuration.vocabularySize : -configuration.vocabularySize
    for number in [
        configuration.hiddenSize, configuration.feedForwardSize, configuration.layerCount, configuration.headCount,
        configuration.keyValueHeadCount, vocabulary, configuration.contextLength,
    ] {
        guard let number = Int32(exactly: number) else { throw .data("\(path): \(number) does not fit 32 bits.") }
        try file.write([UInt8](littleEndian: number))
    }
    let list = configuration.parameters
    let descriptions = Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0) })
    let encoder = try unsafe ParameterEncoder(list, path: path, on: runtime, read: parameters)
    func write(_ name: String) throws(LensError) {
        guard let description = descriptions[name] else { preconditionFailure("a name that is no parameter's") }
        let interleaving = RotaryLayout.applies(to: name) ? configuration.headDimension : nil
        try unsafe encoder.encode(description, as: .f32, interleaving: interleaving) { bytes throws(LensError) in
            try unsafe file.write(bytes)
        }
    }
    for name in layout.names where name != "lm_head.weight" { try write(name) }
    try writeTables(configuration, to: file)
    if !configuration.tiedEmbeddings { try write("lm_head.weight") }
    try file.commit()
}

private func checkLlama2CExpresses(_ configuration: ModelConfiguration, path: String) throws(LensError) {
    let c = configuration
    let problems: [(Bool, String)] = [
        (c.family != .llama || c.queryKeyNorm, "a \(c.family.rawValue) model"),
        (c.attentionBias || c.attentionOutputBias || c.feedForwardBias, "biases"),
        (c.ropeTheta != 10_000, "a rotary base of \(describeNumber(c.ropeTheta)) (10000 is fixed)"),
        (c.ropeScaling != .none || c.ropeFrequencyFactors != nil, "a rotary scaling"),
        (c.normEpsilon != 1e-5, "an epsilon of \(describeNumber(Double(c.normEpsilon))) (1e-5 is fixed)"),
        (c.headDimension * c.headCount != c.hiddenSize, "heads of the dimension \(c.headDimension)"),
    ]
    for (isProblem, what) in problems where isProblem {
        throw .data("\(path): a llama2.c file cannot express \(what). Choose another format.")
    }
}

/// Cosines, then sines, of each position and frequency; programs of today skip them, the first ones used them.
private func writeTables(_ configuration: ModelConfiguration, to file: AtomicFile) throws(LensError) {
    let half = configuration.headDimension / 2
    let frequencies = (0..<half).map { pow(configuration.ropeTheta, -2 * Double($0) / Double(2 * half)) }
    for function in [cos as (Double) -> Double, sin] {
        for position in 0..<configuration.contextLength {
            try file.write(
                frequencies.flatMap { frequency in
                    [UInt8](littleEndian: Float(function(Double(position) * frequency)).bitPattern)
                })
        }
    }
}
